/**
 * Addresses live behind the '#': `#/runs/UUID?tab=slow`. A deep link needs no help from the server, and what somebody
 * looks at stays out of its logs.
 */
import { Query, withQuery } from './query';
import { createStore, useStore } from './store';

export interface Location {
    path: string;
    query: URLSearchParams;
}

function parse(hash: string): Location {
    const text = hash.replace(/^#/, '') || '/';
    const cut = text.indexOf('?');
    const path = cut < 0 ? text : text.slice(0, cut);
    return { path: path.startsWith('/') ? path : '/' + path, query: new URLSearchParams(cut < 0 ? '' : text.slice(cut + 1)) };
}

const location = createStore<Location>(parse(window.location.hash));

window.addEventListener('hashchange', () => location.set(parse(window.location.hash)));

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
        window.history.replaceState(null, '', to);
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
