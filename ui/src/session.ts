/** Who is signed in. The token is in memory, and in sessionStorage so that it outlives a reload but not the tab. */
import { useEffect } from 'preact/hooks';
import { createStore, useStore } from './store';

export interface Session {
    token: string;
    userId: string; // as Tally knows the user, however he signed in
    userName: string;
    projectName: string | null; // not known where a token was pasted
    projectId: string | null; // the same
    isStaff: boolean;
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
/** The session that the server has ended, until somebody signs in again. */
let ended: Session | null = null;

/** What tabs of this page, and nobody else, say to each other: 'who' is asked for a session, and LEFT is a token that is no more. */
type Word = 'who' | { session: Session } | { left: string };
const tabs = new BroadcastChannel(KEY);
const offer = createStore<Session | null>(null);

tabs.onmessage = ({ data }: MessageEvent<Word>) => {
    const mine = session.get();
    if (data === 'who') {
        if (mine) tabs.postMessage({ session: mine } satisfies Word);
    } else if ('left' in data) {
        if (offer.get()?.token === data.left) offer.set(null);
        endSession(data.left);
    } else if (!mine) {
        offer.set(data.session);
    }
};

/** The session of another tab, for who has none here; it is asked for by the call. */
export function useOffer(): Session | null {
    useEffect(() => tabs.postMessage('who' satisfies Word), []);
    return useStore(offer);
}

export function getSession(): Session | null {
    return session.get();
}

export function getEnded(): Session | null {
    return ended;
}

export function useSession(): Session | null {
    return useStore(session);
}

export function onSession(listener: () => void): void {
    session.subscribe(listener);
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
    ended = null;
    offer.set(null);
    farewell.set(null);
    session.set(value);
    tabs.postMessage({ session: value } satisfies Word);
}

function leave(why: string): void {
    try {
        sessionStorage.removeItem(KEY);
    } catch {
        // as above
    }
    farewell.set(why);
    session.set(null);
}

export function signOut(): void {
    const last = session.get();
    ended = null;
    leave('You are signed out.');
    if (last) tabs.postMessage({ left: last.token } satisfies Word);
}

function endSession(token: string): boolean {
    const last = session.get();
    if (last?.token !== token) return false;
    ended = last;
    leave('Your session has ended. Sign in again to go on where you were.');
    return true;
}

/** The server no longer takes TOKEN. The answer may be late: another session goes on. */
export function sessionEnded(token: string): void {
    if (endSession(token)) tabs.postMessage({ left: token } satisfies Word);
}
