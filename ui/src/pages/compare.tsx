/** What differs between two runs: what fails anew comes first. */
import { useState } from 'preact/hooks';
import { Badge, Button, CountsBar, EmptyState, ErrorNote, Loading, Time } from '../components/basic';
import { TestName } from '../components/test-name';
import { VirtualList } from '../components/virtual';
import { CompareKind, CompareRow, CompareRun, Comparison, compareRuns } from '../evidence';
import { count, dateTime, duration, plural } from '../format';
import { useResource, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';

const KINDS: { kind: CompareKind; title: string; tone: 'bad' | 'good' | 'warn' | 'muted' }[] = [
    { kind: 'newly_failing', title: 'Newly failing', tone: 'bad' },
    { kind: 'fixed', title: 'Fixed', tone: 'good' },
    { kind: 'still_failing', title: 'Still failing', tone: 'bad' },
    { kind: 'slower', title: 'Slower', tone: 'warn' },
    { kind: 'only_in_new', title: 'Only in this run', tone: 'muted' },
    { kind: 'only_in_base', title: 'Only in the other run', tone: 'muted' },
];
const ROW = 40;

function RunCard({ run, role }: { run: CompareRun; role: string }) {
    return (
        <div class="card compare-run">
            <p class="label">{role}</p>
            <p><a href={href(`/runs/${run.uuid}`)}><Time iso={run.run_at} format={dateTime} /></a></p>
            <CountsBar {...run} />
            <p class="small num">{count(run.fails)} failed, {count(run.passes)} passed, {count(run.skips)} skipped</p>
        </div>
    );
}

/** How the time went: `1.20 s → 3.40 s` */
function Times({ row }: { row: CompareRow }) {
    if (row.run_time === null && row.base_run_time === null) return null;
    if (row.run_time === null || row.base_run_time === null) return <span class="num quiet compare-times">{duration(row.run_time ?? row.base_run_time)}</span>;
    return <span class="num quiet compare-times">{duration(row.base_run_time)} → {duration(row.run_time)}</span>;
}

function CompareLine({ row, kind }: { row: CompareRow; kind: CompareKind }) {
    return (
        <>
            <span class="test-status"><Badge>{(kind === 'only_in_base' ? row.base_status : row.status) ?? 'unknown'}</Badge></span>
            <TestName name={row.test_id} />
            {kind === 'slower' && row.run_time !== null && row.base_run_time !== null && row.base_run_time > 0 && (
                <span class="num slower-by">×{(row.run_time / row.base_run_time).toFixed(1)}</span>
            )}
            <Times row={row} />
        </>
    );
}

type KindProps = (typeof KINDS)[number] & { rows: CompareRow[]; uuid: string };

/** UUID is the run whose outcomes are shown, and opened. */
function Kind({ kind, title, tone, rows, uuid }: KindProps) {
    const [open, setOpen] = useState(kind === 'newly_failing' || (kind !== 'only_in_new' && kind !== 'only_in_base' && rows.length <= 50));
    if (rows.length === 0) return null;
    return (
        <details class="section compare-kind" open={open} onToggle={(e) => setOpen(e.currentTarget.open)} data-kind={kind}>
            <summary><h2>{title}</h2> <span class={`badge badge-${tone}`}>{count(rows.length)}</span></summary>
            {open && (
                <VirtualList count={rows.length} rowHeight={ROW} height={Math.min(480, rows.length * ROW + 2)} label={title}
                    row={(i) => { const r = rows[i]; return r ? <CompareLine row={r} kind={kind} /> : null; }}
                    onOpen={(i) => { const r = rows[i]; if (r) navigate(href(`/runs/${uuid}`, { test_id: r.id })); }} />
            )}
        </details>
    );
}

function Verdict({ data }: { data: Comparison }) {
    const [worse, fixed] = [data.newly_failing.length, data.fixed.length];
    const text = worse > 0 ? `${plural(worse, 'test')} ${worse === 1 ? 'fails' : 'fail'} that did not fail before.`
        : fixed > 0 ? 'Nothing fails anew.' : 'No test changed between passing and failing.';
    return <p class={worse ? 'verdict verdict-bad' : 'verdict'}>{text}{fixed > 0 && ` ${plural(fixed, 'test')} ${fixed === 1 ? 'is' : 'are'} fixed.`}</p>;
}

export function Compare({ params }: PageProps) {
    useTitle('Compare runs');
    const [uuid, base] = [params.new ?? '', params.base ?? ''];
    const { data, error, reload } = useResource((signal) => compareRuns(uuid, base, signal), [uuid, base]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!data) return <Loading lines={8} label="Comparing" />;
    const differs = KINDS.some(({ kind }) => data[kind].length > 0);
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/runs')}>Runs</a></p>
                    <h1>Compare two runs</h1>
                </div>
                <div class="actions">
                    <Button onClick={() => navigate(href(`/compare/${base}/${uuid}`), true)}>Swap them</Button>
                </div>
            </div>
            <div class="compare-runs">
                <RunCard run={data.new} role="This run" />
                <RunCard run={data.base} role="Compared with" />
            </div>
            <Verdict data={data} />
            {differs ? KINDS.map((k) => <Kind key={k.kind} {...k} rows={data[k.kind]} uuid={k.kind === 'only_in_base' ? base : uuid} />) : (
                <EmptyState title="No difference"><p>Both runs have the same tests with the same outcomes, and none took much longer.</p></EmptyState>
            )}
        </>
    );
}
