/** The shapes of /v1's answers about tests, and the requests for them. */
import { getJson, markerOf, seg } from './api';
import type { Page } from './hooks';

export interface Test {
    id: number;
    test_id: string;
    run_count: number;
    success: number;
    failure: number;
    run_time: number;
}

export interface Outcome {
    uuid: string;
    run_at: string | null;
    'result-id': string | null;
    cpid: string | null;
    status: string;
    run_time: number | null;
}

export interface FlakyTest {
    id: number;
    test_id: string;
    runs: number;
    fails: number;
    passes: number;
    flips: number;
    flake_rate: number;
}

export async function listTests(prefix: string, marker: string | null, signal: AbortSignal): Promise<Page<Test>> {
    const answer = await getJson<{ tests: Test[]; next?: string }>('/v1/tests', { query: { prefix, marker, limit: 50 }, signal });
    return { items: answer.tests, next: markerOf(answer.next) };
}

export async function getTest(id: string, signal: AbortSignal): Promise<Test> {
    return getJson<Test>(`/v1/tests/${seg(id)}`, { signal });
}

/** Outcomes of a test, the newest first. */
export async function listOutcomes(id: string, marker: string | null, signal: AbortSignal): Promise<Page<Outcome>> {
    const answer = await getJson<{ runs: Outcome[]; next?: string }>(`/v1/tests/${seg(id)}/runs`, {
        query: { marker, limit: 200 }, signal,
    });
    return { items: answer.runs, next: markerOf(answer.next) };
}

export function passed(status: string): boolean {
    return status === 'success' || status === 'xfail';
}

/** How often an outcome differs from the one before; skips say nothing. */
export function flips(outcomes: Outcome[]): number {
    const told = outcomes.filter((o) => o.status !== 'skip' && (passed(o.status) || o.status === 'fail' || o.status === 'uxsuccess'));
    return told.filter((o, i) => i > 0 && passed(o.status) !== passed((told[i - 1] as Outcome).status)).length;
}

/** Tests that both passed and failed in the last runs, those that change most first. */
export async function listFlaky(query: URLSearchParams, marker: string | null, signal: AbortSignal): Promise<Page<FlakyTest>> {
    const params = new URLSearchParams(query);
    params.set('limit', '50');
    if (marker) params.set('marker', marker);
    const answer = await getJson<{ tests: FlakyTest[]; next?: string }>('/v1/tests/flaky', { query: params, signal });
    return { items: answer.tests, next: markerOf(answer.next) };
}
