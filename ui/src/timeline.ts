/** When each worker ran which test: lanes of tests in the order of their starts, and what a window of time shows. */
import type { Row } from './run-rows';

export type Timed = Row & { start: number; seconds: number };

export interface Lane {
    name: string | null; // the worker's; null where the stream names none
    tests: Timed[];
}

export interface Lanes {
    lanes: Lane[];
    from: number;
    to: number;
    busy: number; // seconds in tests
    left: number; // tests without times
}

function isTimed(r: Row): r is Timed {
    return r.start !== null && r.seconds !== null && r.seconds >= 0;
}

const MOST = 64; // more tests at once than this are drawn over each other

/** Streams that name no worker: each test goes into the first lane that is free when it begins. */
function pack(tests: Timed[]): Lane[] {
    const lanes: Lane[] = [];
    const ends: number[] = [];
    for (const t of tests) {
        let at = ends.findIndex((end) => end <= t.start + 1e-6);
        if (at < 0) at = lanes.length < MOST ? lanes.push({ name: null, tests: [] }) - 1 : MOST - 1;
        lanes[at]?.tests.push(t);
        ends[at] = t.start + t.seconds;
    }
    return lanes;
}

export function layOut(rows: Row[]): Lanes {
    const tests = rows.filter(isTimed).sort((a, b) => a.start - b.start);
    const byWorker = new Map<string, Timed[]>();
    const others: Timed[] = [];
    let [from, to, busy] = [Infinity, -Infinity, 0];
    for (const t of tests) {
        from = Math.min(from, t.start);
        to = Math.max(to, t.start + t.seconds);
        busy += t.seconds;
        if (t.worker === null) {
            others.push(t);
            continue;
        }
        const list = byWorker.get(t.worker);
        if (list) list.push(t);
        else byWorker.set(t.worker, [t]);
    }
    const named = [...byWorker].sort((a, b) => a[0].localeCompare(b[0], 'en', { numeric: true }));
    const lanes = [...named.map(([name, list]): Lane => ({ name, tests: list })), ...pack(others)];
    return { lanes, from, to: Math.max(to, from + 1e-3), busy, left: rows.length - tests.length };
}

/** The last test of LANE that began at or before TIME; -1: none. */
export function before(lane: Lane, time: number): number {
    let low = 0;
    let high = lane.tests.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if ((lane.tests[middle]?.start ?? 0) <= time) low = middle + 1;
        else high = middle;
    }
    return low - 1;
}

/** The test of LANE within SLACK seconds of TIME that is nearest to it. */
export function at(lane: Lane, time: number, slack: number): Timed | null {
    const index = before(lane, time);
    let best: Timed | null = null;
    let distance = slack;
    for (const t of [lane.tests[index - 1], lane.tests[index], lane.tests[index + 1]]) {
        if (!t) continue;
        const away = time < t.start ? t.start - time : Math.max(0, time - t.start - t.seconds);
        if (away <= distance) [best, distance] = [t, away];
    }
    return best;
}

/** Steps of an axis over SPAN seconds that leave about COUNT marks. */
export function step(span: number, count: number): number {
    const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,
        43200, 86400];
    return steps.find((s) => span / s <= count) ?? 86400 * Math.ceil(span / count / 86400);
}

/** Seconds since the run began, as fine as STEP needs. */
export function mark(seconds: number, by: number): string {
    if (by >= 3600) return `${Math.round(seconds / 3600)} h`;
    if (by >= 60 && seconds >= 3600) return `${Math.floor(seconds / 3600)}:${String(Math.round((seconds % 3600) / 60)).padStart(2, '0')} h`;
    if (by >= 60) return `${Math.round(seconds / 60)} min`;
    if (seconds >= 60) {
        const s = (seconds % 60).toFixed(by < 1 ? 2 : 0).padStart(by < 1 ? 5 : 2, '0');
        return `${Math.floor(seconds / 60)}:${s}`;
    }
    return `${seconds.toFixed(by >= 1 ? 0 : by >= 0.01 ? 2 : 3)} s`;
}
