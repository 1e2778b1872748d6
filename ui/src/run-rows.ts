/** All tests of a run, page by page: the first page is small, so that something is seen at once. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from './api';
import { Run, RunPart, TestRun, getRunPart } from './evidence';
import { parseTime } from './format';
import { asError } from './hooks';
import { onSession } from './session';

/** One test of the run. What only its own page shows (attachments, metadata) is asked for when it is opened. */
export interface Row {
    id: number; // of the test in this run
    testId: number;
    name: string;
    status: string;
    start: number | null; // seconds since 1970
    seconds: number | null;
    worker: string | null;
}

export interface RunRows {
    run: Run | null;
    rows: Row[]; // grows in place; VERSION tells that it did
    version: number;
    done: boolean;
    error: ApiError | null;
    retry: () => void;
}

const FIRST = 200;
const REST = 5000;
const WORKER = /(?:^|,)\s*(worker-\d+)\s*(?:,|$)/;

/** How long it took, to the microsecond: a difference of seconds since 1970 would not be exact. */
export function secondsOf(test: TestRun): number | null {
    const [start, stop] = [parseTime(test.start_time), parseTime(test.stop_time)];
    if (!start || !stop) return null;
    return ((stop.getTime() - start.getTime()) * 1000 + (test.stop_time_microsecond ?? 0) - (test.start_time_microsecond ?? 0)) / 1e6;
}

/** The words repeat fifty thousand times: one copy of each will do. */
function interner(): (word: string) => string {
    const known = new Map<string, string>();
    return (word) => {
        const found = known.get(word);
        if (found !== undefined) return found;
        known.set(word, word);
        return word;
    };
}

export function workerOf(test: TestRun): string | null {
    for (const m of test.metadata) {
        const found = m.key === 'tags' ? WORKER.exec(m.value) : null;
        if (found?.[1]) return found[1];
    }
    return null;
}

function addPart(rows: Row[], part: RunPart, intern: (word: string) => string): void {
    const names = new Map(part.tests.map((t) => [t.id, t.test_id]));
    for (const t of part.test_runs) {
        const start = parseTime(t.start_time);
        const worker = workerOf(t);
        rows.push({
            id: t.id,
            testId: t.test_id,
            name: names.get(t.test_id) ?? '',
            status: intern(t.status),
            start: start && start.getTime() / 1000 + (t.start_time_microsecond ?? 0) / 1e6,
            seconds: secondsOf(t),
            worker: worker === null ? null : intern(worker),
        });
    }
}

/** The run that was looked at last, for who comes back to it: a stored run gets no more tests. */
let last: { uuid: string; run: Run | null; rows: Row[]; done: boolean; intern: (word: string) => string } | null = null;

onSession(() => {
    last = null;
});

export function useRunRows(uuid: string): RunRows {
    const [at] = useState(() => (last?.uuid === uuid ? last : { uuid, run: null, rows: [], done: false, intern: interner() }));
    const [state, setState] = useState<Omit<RunRows, 'retry'>>({ run: at.run, rows: at.rows, version: 0, done: at.done, error: null });
    const [round, setRound] = useState(0);
    useEffect(() => {
        const controller = new AbortController();
        const { signal } = controller;
        last = at;
        const load = async () => {
            for (;;) {
                const { rows } = at;
                const part = await getRunPart(uuid, rows.at(-1)?.id ?? 0, rows.length === 0 ? FIRST : REST, signal);
                if (signal.aborted) return;
                addPart(rows, part, at.intern);
                at.run = part['subunit-data'];
                at.done = part.next_marker === undefined;
                setState((s) => ({ run: at.run, rows, version: s.version + 1, done: at.done, error: null }));
                if (at.done) return;
            }
        };
        setState((s) => ({ ...s, error: null }));
        load().catch((e: unknown) => {
            if (signal.aborted) return;
            const error = asError(e);
            if (error.status === 404) last = null; // it has been deleted meanwhile
            setState((s) => ({ ...s, error, ...(error.status === 404 && { run: null }) }));
        });
        return () => controller.abort();
    }, [uuid, round]);
    return { ...state, retry: () => setRound((n) => n + 1) };
}
