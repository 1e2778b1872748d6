/** A modal dialog: the browser's own, which keeps the focus inside, closes on Escape and gives the focus back. */
import { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from './basic';

interface DialogProps {
    title: ComponentChildren;
    open: boolean;
    onClose: () => void;
    /** Buttons at the end; without any there is the cross only. */
    actions?: ComponentChildren;
    wide?: boolean;
    children: ComponentChildren;
}

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), select, textarea, [tabindex="0"]';

export function Dialog({ title, open, onClose, actions, wide, children }: DialogProps) {
    const ref = useRef<HTMLDialogElement>(null);
    const pressed = useRef<EventTarget | null>(null); // text is marked from the inside out: that does not close it
    useEffect(() => {
        const dialog = ref.current;
        if (!dialog || !open) return undefined;
        const before = document.activeElement;
        dialog.showModal();
        return () => {
            dialog.close();
            if (before instanceof HTMLElement) before.focus();
        };
    }, [open]);
    if (!open) return null;
    // Without this Tab would go on to the browser's own bars.
    const trap = (e: KeyboardEvent) => {
        if (e.key !== 'Tab' || !ref.current) return;
        const all = [...ref.current.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((x) => x.offsetParent !== null);
        const first = all[0];
        const last = all[all.length - 1];
        if (e.shiftKey && document.activeElement === first) {
            e.preventDefault();
            last?.focus();
        } else if (!e.shiftKey && document.activeElement === last) {
            e.preventDefault();
            first?.focus();
        }
    };
    return (
        <dialog ref={ref} class={wide ? 'dialog dialog-wide' : 'dialog'} aria-labelledby="dialog-title" onKeyDown={trap}
            onCancel={(e) => { e.preventDefault(); onClose(); }}
            onPointerDown={(e) => { pressed.current = e.target; }}
            onClick={(e) => e.target === ref.current && pressed.current === ref.current && onClose()}>
            <div class="dialog-box">
                <header class="dialog-head">
                    <h2 id="dialog-title">{title}</h2>
                    <Button kind="quiet" onClick={onClose} aria-label="Close" class="icon-button">✕</Button>
                </header>
                <div class="dialog-body">{children}</div>
                {actions && <footer class="dialog-actions">{actions}</footer>}
            </div>
        </dialog>
    );
}

/** A question before something that cannot be undone. */
export function Confirm({ title, open, busy, action, onConfirm, onClose, children }: {
    title: string; open: boolean; busy?: boolean; action: string; onConfirm: () => void; onClose: () => void; children: ComponentChildren;
}) {
    return (
        <Dialog title={title} open={open} onClose={onClose} actions={
            <>
                <Button onClick={onClose}>Cancel</Button>
                <Button kind="danger" busy={busy ?? false} onClick={onConfirm}>{action}</Button>
            </>
        }>
            {children}
        </Dialog>
    );
}
