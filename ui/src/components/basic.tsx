/** Small parts: badges, buttons, fields, states of a page. */
import { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api';
import { bytes as formatBytes, parseTime } from '../format';

/** Text from strangers (test names, reasons): its direction marks end with it. */
export function Text({ children, title }: { children: string | null | undefined; title?: string }) {
    return <bdi title={title}>{children ?? ''}</bdi>;
}

/** What somebody gave as an address: a link, if it is one of the web. The other side is not told where it was followed. */
export function Address({ of }: { of: string }) {
    if (!/^https?:\/\//i.test(of)) return <Text>{of}</Text>;
    return <a href={of} target="_blank" rel="noopener noreferrer"><Text>{of}</Text></a>;
}

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'muted';

const TONES: Record<string, Tone> = {
    success: 'good', xfail: 'good', fail: 'bad', uxsuccess: 'bad', skip: 'warn', inprogress: 'info', unknown: 'muted',
    active: 'good', queued: 'muted', saving: 'info', importing: 'info', deactivated: 'warn', deleted: 'muted',
    killed: 'bad', pending: 'muted', processing: 'info', failure: 'bad',
};

/** A word on a tinted ground; without TONE its colour comes from the word, a state of the API's. */
export function Badge({ children, tone }: { children: string; tone?: Tone }) {
    return <span class={`badge badge-${tone ?? TONES[children] ?? 'muted'}`}>{children}</span>;
}

/** Determinate with VALUE and MAX, else on its way. LABEL is what a screen reader says. */
export function Progress({ value, max, label }: { value?: number | null; max?: number | null; label: string }) {
    const known = typeof value === 'number' && typeof max === 'number' && max > 0;
    const share = known ? Math.min(1, Math.max(0, (value as number) / (max as number))) : 0;
    const ref = useRef<HTMLDivElement>(null);
    useEffect(() => {
        if (ref.current) ref.current.style.width = known ? `${share * 100}%` : '';
    }, [known, share]);
    const aria = known ? { 'aria-valuenow': Math.round(share * 100), 'aria-valuemin': 0, 'aria-valuemax': 100 } : {};
    return (
        <div class={known ? 'progress' : 'progress progress-busy'} role="progressbar" aria-label={label} {...aria}>
            <div ref={ref} />
        </div>
    );
}

/** A time, as FORMAT says it; its title is the exact one. */
export function Time({ iso, format }: { iso: string | null | undefined; format: (iso: string | null | undefined) => string }) {
    const t = parseTime(iso);
    if (!t) return <>{format(iso)}</>;
    return (
        <time dateTime={t.toISOString()} title={t.toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}>
            {format(iso)}
        </time>
    );
}

type ButtonProps = JSX.HTMLAttributes<HTMLButtonElement> & {
    kind?: 'primary' | 'plain' | 'quiet' | 'danger';
    type?: 'button' | 'submit';
    disabled?: boolean;
    busy?: boolean;
    children: ComponentChildren;
};

export function Button({ kind = 'plain', type = 'button', busy, disabled, class: more, children, ...rest }: ButtonProps) {
    return (
        <button type={type} class={`button button-${kind} ${(more as string | undefined) ?? ''}`} disabled={disabled || busy}
            aria-busy={busy ? 'true' : undefined} {...rest}>
            {busy && <span class="spinner" aria-hidden="true" />}
            {children}
        </button>
    );
}

/** A label, its control, and under it a hint, or what is wrong with what stands in it. The control gets the id. */
export function Field({ id, label, hint, error, children }: {
    id: string; label: string; hint?: ComponentChildren; error?: string | null | undefined; children: ComponentChildren;
}) {
    return (
        <div class={error ? 'field field-bad' : 'field'}>
            <label for={id}>{label}</label>
            {children}
            {error && <div class="field-error" id={id + '-error'} role="alert"><Text>{error}</Text></div>}
            {hint && <div class="hint" id={id + '-hint'}>{hint}</div>}
        </div>
    );
}

/** What ties a control to its field's hint and fault; spread it into the control. */
export function describedBy(id: string, hint: boolean, error?: string | null) {
    const ids = [...(error ? [id + '-error'] : []), ...(hint ? [id + '-hint'] : [])];
    return { 'aria-describedby': ids.join(' ') || undefined, 'aria-invalid': error ? ('true' as const) : undefined };
}

/** Why what was asked for here was not done. */
export function Problem({ children }: { children: string | null }) {
    return children ? <p class="field-error" role="alert"><Text>{children}</Text></p> : null;
}

/** The cloud's id; uploads that named none have this word for it. */
export function Cpid({ id }: { id: string | null | undefined }) {
    return id && id !== 'unspecified' ? <Text>{id}</Text> : <span class="quiet">not given</span>;
}

/** Says why something failed, with a way to try again where there is one. */
export function ErrorNote({ error, retry }: { error: ApiError; retry?: () => void }) {
    return (
        <div class="note note-bad" role="alert">
            <div>
                <p><Text>{error.message}</Text></p>
                {error.requestId && error.status >= 500 && <p class="small">Request {error.requestId}</p>}
            </div>
            {retry && <Button onClick={retry}>Try again</Button>}
        </div>
    );
}

export function Note({ tone = 'info', children }: { tone?: Tone; children: ComponentChildren }) {
    return <div class={`note note-${tone}`}><div>{children}</div></div>;
}

/** Grey bars where content will be; shown only if it takes a moment, so that quick pages do not flicker. */
export function Loading({ lines = 4, label = 'Loading' }: { lines?: number; label?: string }) {
    const [visible, setVisible] = useState(false);
    useEffect(() => {
        const timer = window.setTimeout(() => setVisible(true), 150);
        return () => window.clearTimeout(timer);
    }, []);
    return (
        <div class="loading" role="status">
            <span class="visually-hidden">{label}</span>
            {visible && Array.from({ length: lines }, (_, i) => <div key={i} class="skeleton" aria-hidden="true" />)}
        </div>
    );
}

/** Where there is nothing: what would be here, and how it gets here. */
export function EmptyState({ title, children, action }: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
    return (
        <div class="empty">
            <h2>{title}</h2>
            {children && <div class="empty-text">{children}</div>}
            {action && <div class="empty-action">{action}</div>}
        </div>
    );
}

/** A name and its value, several in a row. */
export function Facts({ items }: { items: [string, ComponentChildren][] }) {
    return (
        <dl class="facts">
            {items.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

export function Bytes({ n }: { n: number | null | undefined }) {
    return <span class="num" title={n === null || n === undefined ? undefined : `${n} bytes`}>{formatBytes(n)}</span>;
}

/** Passes, fails and skips as shares of a bar; the numbers stand beside it, in words for who does not see it. */
export function CountsBar({ passes, fails, skips }: { passes: number; fails: number; skips: number }) {
    const ref = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const all = passes + fails + skips;
        [fails, passes, skips].forEach((n, i) => {
            const part = ref.current?.children[i] as HTMLElement | undefined;
            if (!part) return;
            part.style.flexGrow = all ? String(n / all) : '0';
            part.hidden = n === 0;
        });
    }, [passes, fails, skips]);
    const words = `${passes} passed, ${fails} failed, ${skips} skipped`;
    return (
        <div class="counts-bar" role="img" aria-label={words} title={words} ref={ref}>
            <span class="bar-bad" />
            <span class="bar-good" />
            <span class="bar-warn" />
        </div>
    );
}
