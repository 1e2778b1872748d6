/**
 * Addresses live behind the '#': `#/runs/UUID?tab=slow`. A deep link needs no help from the server, and what somebody
 * looks at stays out of its logs.
 */
import { Query, withQuery } from './query';
import { createStore, useStore } from './store';

export interface Location {
    path: string;
    query: URLSearchParams;
    round: number; // counts the times that a page was asked for anew
}

let round = 0;

function parse(hash: string): Location {
    const text = hash.replace(/^#/, '') || '/';
    const cut = text.indexOf('?');
    const path = cut < 0 ? text : text.slice(0, cut);
    return { path: path.startsWith('/') ? path : '/' + path, query: new URLSearchParams(cut < 0 ? '' : text.slice(cut + 1)), round };
}

const location = createStore<Location>(parse(window.location.hash));
const leaving = new Set<(entry: string) => void>();

/** The name of the history's entry that is shown, which it gets when it is new. */
function nameEntry(): string {
    const found = (window.history.state as { entry?: string } | null)?.entry;
    if (found) return found;
    const entry = String(Math.random());
    window.history.replaceState({ entry }, '');
    return entry;
}

let entry = nameEntry();
window.history.scrollRestoration = 'manual'; // the browser would scroll before the page is there

window.addEventListener('hashchange', () => {
    for (const listener of leaving) listener(entry);
    entry = nameEntry();
    location.set(parse(window.location.hash));
});

// A link to where one already is loads it anew; the browser itself does nothing then.
window.addEventListener('click', (e) => {
    const link = e.target instanceof Element && e.target.closest('a');
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.shiftKey || !link || link.getAttribute('href') !== window.location.hash) return;
    e.preventDefault();
    round++;
    location.set({ ...location.get(), round });
});

/** Tells one entry of the browser's history from another one with the same address. */
export function getEntry(): string {
    return entry;
}

/** LISTENER is called with the entry that is left, while its page still stands. Ended by calling what is returned. */
export function onLeave(listener: (entry: string) => void): () => void {
    leaving.add(listener);
    return () => leaving.delete(listener);
}

export function useLocation(): Location {
    return useStore(location);
}

/** `href('/runs', {cpid: 'x'})` is `#/runs?cpid=x`; empty values are left out. */
export function href(path: string, query?: Query | URLSearchParams): string {
    return '#' + withQuery(path, query);
}

/** Goes to an address made by href(). REPLACE leaves no entry in the history: filters that change as one types. */
export function navigate(to: string, replace = false): void {
    if (replace) {
        window.history.replaceState(window.history.state, '', to);
        location.set(parse(to));
    } else {
        window.location.hash = to;
    }
}

/** {name: value} if PATH is of the form PATTERN (`/runs/:uuid`), else null. */
export function match(pattern: string, path: string): Record<string, string> | null {
    const want = pattern.split('/');
    const have = path.replace(/\/+$/, '').split('/');
    if (path === '/' || path === '') have.splice(0, have.length, '', '');
    if (want.length !== have.length) return null;
    const found: Record<string, string> = {};
    for (const [i, part] of want.entries()) {
        const value = have[i] ?? '';
        if (part.startsWith(':')) {
            try {
                found[part.slice(1)] = decodeURIComponent(value);
            } catch {
                return null;
            }
        } else if (part !== value) {
            return null;
        }
    }
    return found;
}
