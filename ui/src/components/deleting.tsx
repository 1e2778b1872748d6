/** A button that asks first, and then deletes WHAT lies at PATH; why it could not be stands in the question. */
import { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { request } from '../api';
import { useChange } from '../change';
import { href, navigate } from '../router';
import { Button, Problem } from './basic';
import { Confirm } from './dialog';

export function Deleting({ what, path, list, children }: { what: string; path: string; list: string; children: ComponentChildren }) {
    const [open, setOpen] = useState(false);
    const { busy, error, change, forget } = useChange(() => navigate(href(list), true));
    const close = () => {
        setOpen(false);
        forget();
    };
    return (
        <>
            <Button kind="danger" onClick={() => setOpen(true)}>Delete</Button>
            <Confirm title={`Delete this ${what}?`} open={open} busy={busy} action={`Delete the ${what}`} onClose={close}
                onConfirm={() => void change(() => request(path, { method: 'DELETE' }), `The ${what} is deleted.`)}>
                {children}
                <Problem>{error}</Problem>
            </Confirm>
        </>
    );
}
