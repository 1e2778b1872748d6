/** What pages load with: the request ends when the page is left, and a late answer is dropped. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, MISFIT } from './api';
import { take, useKeeping } from './kept';

export interface Resource<T> {
    data: T | null;
    error: ApiError | null;
    loading: boolean;
    reload: () => void;
}

export function asError(e: unknown): ApiError {
    return e instanceof ApiError ? e : new ApiError(0, MISFIT);
}

function isAbort(e: unknown): boolean {
    return e instanceof DOMException && e.name === 'AbortError';
}

/** Loads when the page is entered and whenever DEPS change. While it loads anew, the old data stays. */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[]): Resource<T> {
    const [state, setState] = useState<{ data: T | null; error: ApiError | null; loading: boolean }>({
        data: null,
        error: null,
        loading: true,
    });
    const [round, setRound] = useState(0);
    const last = useRef(0);
    useEffect(() => {
        const controller = new AbortController();
        const again = last.current !== round; // a reload keeps what is shown, other parameters do not
        last.current = round;
        setState((s) => ({ data: again ? s.data : null, error: null, loading: true }));
        load(controller.signal).then(
            (data) => !controller.signal.aborted && setState({ data, error: null, loading: false }),
            (e: unknown) => {
                if (controller.signal.aborted || isAbort(e)) return;
                setState((s) => ({ data: again ? s.data : null, error: asError(e), loading: false }));
            },
        );
        return () => controller.abort();
    }, [...deps, round]);
    return { ...state, reload: useCallback(() => setRound((n) => n + 1), []) };
}

export interface Page<T> {
    items: T[];
    next: string | null; // marker of the page behind it
}

export interface List<T> {
    items: T[];
    error: ApiError | null;
    loading: boolean;
    /** There are more: call more(). */
    hasMore: boolean;
    more: () => void;
    reload: () => void;
}

/** A list that grows page by page; begins anew when DEPS change. Back finds as much of it as there was, and looks again. */
export function useList<T>(
    load: (marker: string | null, signal: AbortSignal) => Promise<Page<T>>,
    deps: readonly unknown[],
): List<T> {
    const empty = { items: [] as T[], next: null as string | null, error: null as ApiError | null, loading: true };
    const [state, setState] = useState(empty);
    const [round, setRound] = useState(0);
    const current = useRef<AbortController | null>(null);
    /** Asks for what is behind ITEMS, until there are LEAST. */
    const run = async (items: T[], marker: string | null, least: number) => {
        const controller = current.current;
        if (!controller) return;
        setState((s) => ({ ...s, error: null, loading: true }));
        try {
            let next = marker;
            do {
                const page = await load(next, controller.signal);
                items = [...items, ...page.items];
                next = page.next;
            } while (next !== null && items.length < least);
            if (!controller.signal.aborted) setState({ items, next, error: null, loading: false });
        } catch (e) {
            if (controller.signal.aborted || isAbort(e)) return;
            setState((s) => ({ ...s, error: asError(e), loading: false }));
        }
    };
    const name = 'list' + JSON.stringify(deps);
    useKeeping(name, () => (state.items.length > 0 ? state : undefined));
    useLayoutEffect(() => {
        const controller = new AbortController();
        current.current = controller;
        const found = take<typeof state>(name);
        setState(found ?? empty);
        void run([], null, found?.items.length ?? 0);
        return () => controller.abort();
    }, [...deps, round]);
    return {
        items: state.items,
        error: state.error,
        loading: state.loading,
        hasMore: state.next !== null,
        more: () => !state.loading && state.next !== null && void run(state.items, state.next, 0),
        reload: () => setRound((n) => n + 1),
    };
}

/** Calls FN every SECONDS while the tab is visible; null: not at all. */
export function useInterval(fn: () => void, seconds: number | null): void {
    const latest = useRef(fn);
    latest.current = fn;
    useEffect(() => {
        if (seconds === null) return undefined;
        const timer = window.setInterval(() => {
            if (!document.hidden) latest.current();
        }, seconds * 1000);
        return () => window.clearInterval(timer);
    }, [seconds]);
}

/** The page's name in the tab. */
export function useTitle(title: string): void {
    useEffect(() => {
        document.title = title ? `${title} · Tally` : 'Tally';
    }, [title]);
}
