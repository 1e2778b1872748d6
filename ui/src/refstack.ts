/** The shapes of /v1's answers about RefStack results and keys, and the requests for them. */
import { getJson, request, seg } from './api';
import type { Page } from './hooks';

export interface Result {
    id: string;
    created_at: string;
    duration_seconds: number;
    meta: Record<string, string>;
    verification_status: number;
    cpid?: string; // the owner's and the staff's only
}

export interface ResultDetail extends Result {
    user_role: 'user' | 'owner' | 'foundation';
    results: string[];
}

export interface PublicKey {
    id: string;
    format: string;
    pubkey: string;
    comment: string;
}

interface Answer {
    results: Result[];
    pagination: { current_page: number; total_pages: number };
}

/** Pages have numbers here. */
export async function listResults(query: URLSearchParams, marker: string | null, signal: AbortSignal): Promise<Page<Result>> {
    const params = new URLSearchParams(query);
    if (marker) params.set('page', marker);
    const { results, pagination } = await getJson<Answer>('/v1/results', { query: params, signal });
    const { current_page: page, total_pages: pages } = pagination;
    return { items: results, next: page < pages ? String(page + 1) : null };
}

export async function getResult(id: string, signal: AbortSignal): Promise<ResultDetail> {
    return getJson<ResultDetail>(`/v1/results/${seg(id)}`, { signal });
}

/** Null takes the key away. */
export async function setMeta(id: string, key: string, value: string | null): Promise<void> {
    const path = `/v1/results/${seg(id)}/meta/${seg(key)}`;
    if (value === null) await request(path, { method: 'DELETE' });
    else await request(path, { method: 'POST', body: value, headers: { 'Content-Type': 'text/plain' } });
}

export async function setVerified(id: string, verified: boolean): Promise<void> {
    await request(`/v1/results/${seg(id)}`, { method: 'PUT', json: { verification_status: verified ? 1 : 0 } });
}

export async function listKeys(signal: AbortSignal): Promise<PublicKey[]> {
    return getJson<PublicKey[]>('/v1/profile/pubkeys', { signal });
}

export async function addKey(rawKey: string, selfSignature: string): Promise<void> {
    await request('/v1/profile/pubkeys', { method: 'POST', json: { raw_key: rawKey, self_signature: selfSignature } });
}

/** As `ssh-keygen -l` prints it. */
export async function fingerprint(pubkey: string): Promise<string> {
    const blob = Uint8Array.from(atob(pubkey), (c) => c.charCodeAt(0));
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', blob));
    return 'SHA256:' + btoa(String.fromCharCode(...digest)).replace(/=+$/, '');
}
