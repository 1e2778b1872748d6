/** The shapes of /v1's answers about runs, and the requests for them. */
import { getJson, markerOf, seg } from './api';
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

export interface TestRun {
    id: number;
    test_id: number;
    status: string;
    start_time: string | null;
    start_time_microsecond: number | null;
    stop_time: string | null;
    stop_time_microsecond: number | null;
    metadata: Pair[];
}

export interface Attachment {
    id: number;
    test_run_id: number | null;
    label: string;
    name: string | null;
    mime_type: string | null;
    size: number;
}

export interface RunPart {
    'subunit-data': Run;
    tests: { id: number; test_id: string; run_count: number; success: number; failure: number; run_time: number }[];
    test_runs: TestRun[];
    attachments: Attachment[];
    next_marker?: number;
}

export interface FailureGroup {
    signature: string;
    message: string;
    count: number;
    tests: { id: number; test_id: string; status: string }[];
}

export interface CompareRow {
    id: number;
    test_id: string;
    status: string | null;
    base_status: string | null;
    run_time: number | null;
    base_run_time: number | null;
}

export type CompareRun = Pick<Run, 'uuid' | 'run_at' | 'passes' | 'fails' | 'skips' | 'run_time' | 'cpid'>;
export type CompareKind = 'newly_failing' | 'fixed' | 'still_failing' | 'slower' | 'only_in_new' | 'only_in_base';
export type Comparison = { new: CompareRun; base: CompareRun } & Record<CompareKind, CompareRow[]>;

/** A page of the caller's runs, newest first. */
export async function listRuns(query: URLSearchParams, marker: string | null, signal: AbortSignal): Promise<Page<Run>> {
    const params = new URLSearchParams(query);
    if (marker) params.set('marker', marker);
    const answer = await getJson<{ runs: Run[]; next?: string }>('/v1/subunit', { query: params, signal });
    return { items: answer.runs, next: markerOf(answer.next) };
}

/** LIMIT tests of a run behind AFTER, the id of a test in a run. */
export async function getRunPart(uuid: string, after: number, limit: number, signal: AbortSignal): Promise<RunPart> {
    return getJson<RunPart>(`/v1/subunit/${seg(uuid)}`, { query: { marker: after, limit }, signal });
}

/** Failures of a run, those that read alike as one. */
export async function listFailures(uuid: string, marker: string | null, signal: AbortSignal): Promise<Page<FailureGroup>> {
    const answer = await getJson<{ failures: FailureGroup[]; next?: string }>(`/v1/subunit/${seg(uuid)}/failures`, {
        query: { marker }, signal,
    });
    return { items: answer.failures, next: markerOf(answer.next) };
}

export async function compareRuns(uuid: string, base: string, signal: AbortSignal): Promise<Comparison> {
    return getJson<Comparison>(`/v1/subunit/${seg(uuid)}/compare/${seg(base)}`, { signal });
}

/** Metadata that Tally writes for itself, or shows in a place of its own. */
export function ownMetadata(run: Run): Pair[] {
    return run.metadata.filter((m) => m.key !== 'refstack_result_id' && !m.key.startsWith('tally_'));
}

export function failed(status: string): boolean {
    return status === 'fail' || status === 'uxsuccess';
}
