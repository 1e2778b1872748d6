/** Requests to Tally and Keystone: the token goes along, errors carry the server's own words. */
import { Query, withQuery } from './query';
import { getSession, sessionEnded } from './session';

export class ApiError extends Error {
    constructor(
        readonly status: number, // 0: no answer at all
        message: string,
        readonly requestId: string | null = null,
    ) {
        super(message);
    }
}

export interface Options {
    method?: string;
    query?: Query | URLSearchParams;
    json?: unknown;
    body?: BodyInit;
    headers?: Record<string, string>;
    signal?: AbortSignal | undefined;
    /** Another token than the session's; null: none. */
    token?: string | null;
}

const UNREACHABLE = 'The server cannot be reached. Check the connection and try again.';

/** What an answer of another shape than the page knows comes to. */
export const MISFIT = 'This page can make nothing of what the server answered. They may be of different versions: load the page anew.';

/** For answers that give no reason of their own: those of a proxy in between. */
const WORDS: Record<number, string> = {
    401: 'The server does not know who you are.',
    403: 'This is not yours to do.',
    404: 'There is nothing at this address.',
    413: 'This is larger than the server takes.',
    429: 'These were too many requests at once. Wait a moment and try again.',
    500: 'The server has failed. Its log says why.',
    502: 'The server is not available at the moment. Try again soon.',
    503: 'The server is not available at the moment. Try again soon.',
    504: 'The server did not answer in time. Try again soon.',
};

/** The reason in an error's body: /v1 says `detail`, /v2 and Keystone `error.message`. */
export function reasonOf(text: string, status: number): string {
    try {
        const doc = JSON.parse(text) as { detail?: unknown; error?: { message?: unknown } } | null;
        const found = doc?.detail ?? doc?.error?.message;
        if (typeof found === 'string' && found) return found;
    } catch {
        // not JSON: a proxy in between
    }
    return WORDS[status] ?? `The server answered with status ${status}.`;
}

/** What every answer with an error becomes. A 401 for the token of a session ends that session. */
export function errorOf(status: number, text: string, requestId: string | null, token: string | null | undefined): ApiError {
    if (status === 401 && token) sessionEnded(token);
    return new ApiError(status, reasonOf(text, status), requestId);
}

/** A request that must succeed; throws ApiError, or the AbortError of SIGNAL. */
export async function request(path: string, options: Options = {}): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
    const own = options.token === undefined;
    const token = own ? getSession()?.token : options.token;
    if (token) headers['X-Auth-Token'] = token;
    let body = options.body;
    if (options.json !== undefined) {
        headers['Content-Type'] ??= 'application/json';
        body = JSON.stringify(options.json);
    }
    // The API sends nobody elsewhere: a redirect would take the token along.
    const init: RequestInit = { method: options.method ?? 'GET', headers, cache: 'no-store', credentials: 'omit', redirect: 'error' };
    if (body !== undefined) init.body = body;
    if (options.signal) init.signal = options.signal;
    let response: Response;
    try {
        response = await fetch(withQuery(path, options.query), init);
    } catch (e) {
        if (e instanceof DOMException && e.name === 'AbortError') throw e;
        throw new ApiError(0, UNREACHABLE);
    }
    if (!response.ok) {
        const text = await response.text().catch(() => '');
        throw errorOf(response.status, text, response.headers.get('X-Openstack-Request-Id'), own ? token : null);
    }
    return response;
}

async function read<T>(get: () => Promise<T>): Promise<T> {
    try {
        return await get();
    } catch (e) {
        if (e instanceof DOMException && e.name === 'AbortError') throw e;
        throw new ApiError(0, 'The answer broke off, or is not what it should be.');
    }
}

/** The JSON of an answer. */
export async function getJson<T>(path: string, options: Options = {}): Promise<T> {
    const response = await request(path, options);
    return read(() => response.json() as Promise<T>);
}

/** At most LIMIT bytes of an answer, and whether there are more. The rest is not fetched. */
export async function getBytes(path: string, limit: number, signal?: AbortSignal): Promise<{ bytes: Uint8Array; more: boolean }> {
    const response = await request(path, { signal, headers: { Accept: '*/*' } });
    const reader = response.body?.getReader();
    const parts: Uint8Array[] = [];
    let size = 0;
    let more = false;
    while (reader) {
        const { done, value } = await read(() => reader.read());
        if (done) break;
        parts.push(value);
        size += value.length;
        if (size > limit) {
            more = true;
            await reader.cancel();
            break;
        }
    }
    const bytes = new Uint8Array(Math.min(size, limit));
    let at = 0;
    for (const part of parts) {
        const piece = part.subarray(0, limit - at);
        bytes.set(piece, at);
        at += piece.length;
    }
    return { bytes, more };
}

/** Saves an answer as a file: the token goes in a header, so a plain link would not do. */
export async function download(path: string, name: string, signal?: AbortSignal): Promise<void> {
    const response = await request(path, { signal, headers: { Accept: '*/*' } });
    const blob = await read(() => response.blob());
    const url = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The `marker` of a list's `next` link. */
export function markerOf(next: string | null | undefined): string | null {
    return next ? new URL(next, window.location.href).searchParams.get('marker') : null;
}

/** An id in a path. Dots alone would name another path than the one meant. */
export function seg(value: string | number): string {
    const text = String(value);
    return /^\.{0,2}$/.test(text) ? '-' : encodeURIComponent(text);
}
