/**
 * What stands in a form when the server ends the session: whoever signs in again as the same user finds it there. It is
 * kept in memory, chosen files too, and goes with the tab.
 */
import { StateUpdater, Dispatch, useEffect, useRef, useState } from 'preact/hooks';
import { getEnded, getSession, onSession } from './session';
import { createStore, useStore } from './store';

const kept = new Map<string, unknown>();
let owner = '';
const waiting = createStore(false);

onSession(() => {
    const session = getSession();
    if (session ? session.userId !== owner : !getEnded()) kept.clear();
    waiting.set(false);
});

/** As useState(); NAME tells the form from all others. */
export function useDraft<T>(name: string, initial: T): [T, Dispatch<StateUpdater<T>>] {
    const empty = useRef(initial);
    const [value, setValue] = useState<T>(() => (kept.has(name) ? (kept.get(name) as T) : initial));
    const latest = useRef(value);
    latest.current = value;
    useEffect(() => {
        kept.delete(name);
        return () => {
            const session = getEnded();
            if (!session || latest.current === empty.current) return;
            kept.set(name, latest.current);
            owner = session.userId;
            waiting.set(true);
        };
    }, []);
    return [value, setValue];
}

/** Whether something waits for whoever signs in again. */
export function useWaiting(): boolean {
    return useStore(waiting);
}
