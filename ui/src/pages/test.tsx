/** One test over the runs: whether it passed, and how long it took. */
import { useMemo } from 'preact/hooks';
import { Badge, Cpid, EmptyState, ErrorNote, Facts, Loading, Text, Time } from '../components/basic';
import { Chart, axis } from '../components/chart';
import { Column, PagedTable } from '../components/table';
import { ago, chartTick, count, dateTime, duration, parseTime, percent, plural } from '../format';
import { Outcome, flips, getTest, listOutcomes, passed } from '../history';
import { useList, useResource, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';

const HEIGHTS: Record<string, string> = {
    success: 'good', xfail: 'good', fail: 'bad', uxsuccess: 'bad', skip: 'skip',
};

/** One mark a run, the newest at the right. The table below says the same to the keyboard and to screen readers. */
function Strip({ outcomes, id }: { outcomes: Outcome[]; id: string }) {
    const told = [...outcomes].reverse();
    const counted = (kind: string) => told.filter((o) => HEIGHTS[o.status] === kind).length;
    const words = `The last ${told.length === 1 ? 'run' : plural(told.length, 'run')}: ${counted('bad')} failed, ${counted('good')} passed, ${counted('skip')} skipped`;
    const open = (e: Event) => {
        const uuid = (e.target as HTMLElement).dataset.run;
        if (uuid) navigate(href(`/runs/${uuid}`, { test_id: id }));
    };
    return (
        <figure class="strip-figure">
            <div class="strip" role="img" aria-label={words} onClick={open}>
                {told.map((o) => (
                    <span key={o.uuid} data-run={o.uuid} class={`strip-mark strip-${HEIGHTS[o.status] ?? 'other'}`}
                        title={`${o.status}, ${dateTime(o.run_at)}, ${duration(o.run_time)}`} />
                ))}
            </div>
            <figcaption class="small quiet">{words}. Tall: failed, middle: passed, low: skipped; the newest stands at the right.</figcaption>
        </figure>
    );
}

function Durations({ outcomes }: { outcomes: Outcome[] }) {
    const timed = useMemo(() => outcomes
        .map((o) => ({ at: (parseTime(o.run_at)?.getTime() ?? NaN) / 1000, time: o.run_time, bad: !passed(o.status), skip: o.status === 'skip' }))
        .filter((o) => Number.isFinite(o.at) && o.time !== null && !o.skip)
        .sort((a, b) => a.at - b.at), [outcomes]);
    const data = useMemo((): [number[], (number | null)[], (number | null)[]] => [
        timed.map((o) => o.at), timed.map((o) => o.time), timed.map((o) => (o.bad ? o.time : null)),
    ], [timed]);
    if (timed.length < 2) return <p class="quiet">There is a curve once two runs of it have a time.</p>;
    const value = (_: unknown, v: number | null) => duration(v);
    return (
        <Chart data={data} height={240} label={`Duration of the last ${plural(timed.length, 'run')}, failed ones marked`} options={(color) => ({
            scales: { y: { range: (_u, _min, max) => [0, (max || 1) * 1.1] } },
            axes: [{ ...axis(color), values: (_u, ticks, _axis, _space, step) => ticks.map((t) => chartTick(t, step)) }, { ...axis(color), size: 72, values: (_u, ticks) => ticks.map((t) => duration(t)) }],
            series: [
                { label: 'Run', value: (_u, v) => (v ? dateTime(new Date(v * 1000).toISOString()) : '–') },
                { label: 'Duration', stroke: color('--accent'), width: 1.5, value, points: { size: 5, fill: color('--card') } },
                {
                    label: 'Failed', stroke: color('--bad-bar'), width: 0, paths: () => null, value,
                    points: { show: true, size: 10, stroke: color('--bad-bar'), fill: color('--bad-bar') },
                },
            ],
            cursor: { y: false },
        })} />
    );
}

const columns = (id: string): Column<Outcome>[] => [
    { head: 'Run', kind: 'main', cell: (o) => <a href={href(`/runs/${o.uuid}`, { test_id: id })}><Time iso={o.run_at} format={dateTime} /></a> },
    { head: 'Outcome', kind: 'shrink', cell: (o) => <Badge>{o.status}</Badge> },
    { head: 'Cloud (cpid)', cell: (o) => <Cpid id={o.cpid} /> },
    { head: 'Duration', kind: 'num', cell: (o) => duration(o.run_time) },
];

export function Test({ params }: PageProps) {
    const id = params.id ?? '';
    const test = useResource((signal) => getTest(id, signal), [id]);
    const list = useList<Outcome>((marker, signal) => listOutcomes(id, marker, signal), [id]);
    const name = test.data?.test_id ?? '';
    useTitle(name || 'Test');
    if (test.error) return <ErrorNote error={test.error} {...(test.error.status === 404 ? {} : { retry: test.reload })} />;
    if (!test.data) return <Loading lines={8} label="Loading the test" />;
    const { success, failure, run_time: average } = test.data;
    const lastFailure = list.items.find((o) => o.status === 'fail' || o.status === 'uxsuccess');
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/tests')}>Tests</a></p>
                    <h1 class="long-name"><Text>{name}</Text></h1>
                </div>
            </div>
            <section class="card" aria-label="Summary">
                <Facts items={[
                    ['Passing', <b class="big">{percent(success, success + failure)}</b>],
                    ['Passed', count(success)],
                    ['Failed', <span class={failure ? 'bad-figure' : undefined}>{count(failure)}</span>],
                    ['Average time', duration(success > 0 ? average : null)],
                    ['Changes between passed and failed', list.items.length > 0 ? count(flips(list.items)) : '–'],
                    ['Last failure', lastFailure ? (
                        <a href={href(`/runs/${lastFailure.uuid}`, { test_id: id })}><Time iso={lastFailure.run_at} format={ago} /></a>
                    ) : 'none of these'],
                ]} />
            </section>
            {list.items.length > 0 && (
                <>
                    <section class="section">
                        <h2>History</h2>
                        <Strip outcomes={list.items} id={id} />
                    </section>
                    <section class="section">
                        <h2>Duration</h2>
                        <div class="card"><Durations outcomes={list.items} /></div>
                    </section>
                </>
            )}
            <section class="section">
                <h2>Runs</h2>
                <PagedTable label="Runs of this test" list={list} columns={columns(id)} id={(o) => o.uuid} empty={
                    <EmptyState title="No runs"><p>None of the runs that you may see has this test any more.</p></EmptyState>
                } />
            </section>
        </>
    );
}
