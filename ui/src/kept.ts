/**
 * What a page showed when it was left, by the entry of the browser's history: Back and Forward find it so again. It is
 * kept in memory for the last entries, and no longer than the session.
 */
import { StateUpdater, Dispatch, useEffect, useRef, useState } from 'preact/hooks';
import { getEntry, onLeave } from './router';
import { onSession } from './session';

const MOST = 20; // entries
const kept = new Map<string, Map<string, unknown>>();

onSession(() => kept.clear());

/** What was kept by NAME when this entry was left. It is given once: what comes after it is another list. */
export function take<T>(name: string): T | undefined {
    const page = kept.get(getEntry());
    const value = page?.get(name) as T | undefined;
    page?.delete(name);
    return value;
}

/** Keeps what NOW gives when the entry is left; undefined: nothing. */
export function useKeeping(name: string, now: () => unknown): void {
    const latest = useRef(now);
    latest.current = now;
    useEffect(() => onLeave((entry) => {
        const value = latest.current();
        if (value === undefined) return;
        const page = kept.get(entry) ?? new Map<string, unknown>();
        kept.delete(entry); // to the end of the line
        kept.set(entry, page.set(name, value));
        for (const oldest of kept.keys()) if (kept.size > MOST) kept.delete(oldest);
    }), [name]);
}

/** As useState(), but found again as it was. */
export function useKeptState<T>(name: string, initial: T): [T, Dispatch<StateUpdater<T>>] {
    const [value, setValue] = useState<T>(() => take<T>(name) ?? initial);
    useKeeping(name, () => value);
    return [value, setValue];
}
