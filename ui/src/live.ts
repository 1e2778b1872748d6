/** What changes while one looks at it: asked for again and again, often while it moves and never while nobody looks. */
import { useLayoutEffect, useState } from 'preact/hooks';
import { ApiError } from './api';
import { asError } from './hooks';
import { take, useKeeping } from './kept';

export interface Live<T> {
    data: T | null;
    error: ApiError | null;
    reload: () => void;
}

const QUICK = 1; // seconds between questions while something moves
const CALM = 15;
const SLOWEST = 60; // where the server gives no answer

/**
 * Loads when the page is entered, when DEPS change, and then every second while MOVING says so of what came, else rarely.
 * A hidden tab asks nothing, and asks at once when it is seen again. After an error the pause doubles.
 */
export function useLive<T>(load: (signal: AbortSignal) => Promise<T>, moving: (data: T) => boolean, deps: readonly unknown[]): Live<T> {
    const [state, setState] = useState<{ data: T | null; error: ApiError | null }>({ data: null, error: null });
    const [round, setRound] = useState(0);
    const name = 'live' + JSON.stringify(deps);
    useKeeping(name, () => state.data ?? undefined);
    useLayoutEffect(() => {
        const found = take<T>(name);
        if (found) setState({ data: found, error: null });
        const controller = new AbortController();
        let timer = 0;
        let pause = QUICK;
        let asking = false;
        const later = (seconds: number) => {
            window.clearTimeout(timer);
            if (!controller.signal.aborted && !document.hidden) timer = window.setTimeout(() => void ask(), seconds * 1000);
        };
        const ask = async () => {
            if (asking) return;
            asking = true;
            try {
                const data = await load(controller.signal);
                if (controller.signal.aborted) return;
                setState({ data, error: null });
                pause = QUICK;
                later(moving(data) ? QUICK : CALM);
            } catch (e) {
                if (controller.signal.aborted) return;
                setState((s) => ({ data: s.data, error: asError(e) }));
                pause = Math.min(SLOWEST, pause * 2);
                later(pause);
            } finally {
                asking = false;
            }
        };
        const seen = () => (document.hidden ? window.clearTimeout(timer) : later(0));
        document.addEventListener('visibilitychange', seen);
        void ask();
        return () => {
            controller.abort();
            window.clearTimeout(timer);
            document.removeEventListener('visibilitychange', seen);
        };
    }, [...deps, round]);
    return { ...state, reload: () => setRound((n) => n + 1) };
}
