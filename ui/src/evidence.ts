/** The shapes of /v1's answers about runs, and the requests for them. */
import { getJson, markerOf } from './api';
import type { Page } from './hooks';

export interface Pair {
    key: string;
    value: string;
}

export interface Run {
    uuid: string;
    run_at: string | null;
    passes: number;
    fails: number;
    skips: number;
    run_time: number;
    artifacts: string | null;
    cpid: string | null;
    'result-id': string | null;
    project: string | null;
    user: string | null;
    created_at: string | null;
    tests: number;
    attachments: number;
    metadata: Pair[];
}

/** A page of the caller's runs, newest first. */
export async function listRuns(query: URLSearchParams, marker: string | null, signal: AbortSignal): Promise<Page<Run>> {
    const params = new URLSearchParams(query);
    if (marker) params.set('marker', marker);
    const answer = await getJson<{ runs: Run[]; next?: string }>('/v1/subunit', { query: params, signal });
    return { items: answer.runs, next: markerOf(answer.next) };
}
