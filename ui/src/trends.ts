/** The shapes of /v1/stats' answers, and the requests for them. */
import { getJson, markerOf } from './api';
import { parseTime, toUtc } from './format';
import type { Page } from './hooks';

export interface Period {
    date: string;
    runs: number;
    passed_runs: number;
    failed_runs: number;
    failure_rate: number | null;
    passes: number;
    fails: number;
    skips: number;
    run_time: number | null;
}

export interface Failure {
    id: number;
    test_id: string;
    status: string;
    test_run: number;
    uuid: string;
    run_at: string | null;
    cpid: string | null;
}

const HOURS: Record<string, number> = { hour: 1, day: 24, week: 7 * 24 };

/** When a period of GROUP that begins at DATE begins and ends, as filters of runs. */
export function bounds(date: string, group: string): { start_date: string; end_date: string } {
    const start = parseTime(date) ?? new Date(0);
    const end = new Date(start);
    if (group === 'month') end.setUTCMonth(end.getUTCMonth() + 1);
    else end.setUTCHours(end.getUTCHours() + (HOURS[group] ?? 24));
    return { start_date: toUtc(start), end_date: toUtc(new Date(end.getTime() - 1000)) };
}

/** How runs came out, the oldest period first. */
export async function getSeries(query: URLSearchParams, signal: AbortSignal): Promise<Period[]> {
    return (await getJson<{ series: Period[] }>('/v1/stats/runs', { query, signal })).series;
}

/** Failed tests, the newest first. */
export async function listRecentFailures(query: URLSearchParams, marker: string | null, signal: AbortSignal): Promise<Page<Failure>> {
    const params = new URLSearchParams(query);
    params.set('limit', '20');
    if (marker) params.set('marker', marker);
    const answer = await getJson<{ failures: Failure[]; next?: string }>('/v1/stats/failures', { query: params, signal });
    return { items: answer.failures, next: markerOf(answer.next) };
}
