/** Who is signed in. The token is in memory, and in sessionStorage so that it outlives a reload but not the tab. */
import { createStore, useStore } from './store';

export interface Session {
    token: string;
    userName: string;
    projectName: string | null; // not known where a token was pasted
    projectId: string | null; // the same
    isStaff: boolean;
    expiresAt: string | null;
}

const KEY = 'tally-session';

function load(): Session | null {
    try {
        const value = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null;
        return value && typeof value.token === 'string' ? value : null;
    } catch {
        return null;
    }
}

const session = createStore<Session | null>(load());
/** Why somebody who was signed in no longer is; shown above the form. */
const farewell = createStore<string | null>(null);

export function getSession(): Session | null {
    return session.get();
}

export function useSession(): Session | null {
    return useStore(session);
}

export function useFarewell(): string | null {
    return useStore(farewell);
}

export function signIn(value: Session): void {
    try {
        sessionStorage.setItem(KEY, JSON.stringify(value));
    } catch {
        // Storage may be switched off: the session then ends with the page.
    }
    farewell.set(null);
    session.set(value);
}

export function signOut(why: string | null = null): void {
    try {
        sessionStorage.removeItem(KEY);
    } catch {
        // as above
    }
    farewell.set(why);
    session.set(null);
}
