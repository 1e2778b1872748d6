/** How runs came out over time: the share that failed, and what failed of late. */
import { useMemo } from 'preact/hooks';
import { Button, Cpid, EmptyState, ErrorNote, Field, Loading, Text, Time } from '../components/basic';
import { Chart, axis } from '../components/chart';
import { PairFilter } from '../components/pair-filter';
import { Column, PagedTable, Table } from '../components/table';
import { ago, chartTick, count, dateTime, dayToUtc, duration, parseTime, percent } from '../format';
import { useList, useResource, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { Failure, Period, bounds, getSeries, listRecentFailures } from '../trends';

const GROUPS = ['hour', 'day', 'week', 'month'];

/** What both requests take. */
function chosenRuns(query: URLSearchParams): URLSearchParams {
    const params = new URLSearchParams();
    for (const name of ['key', 'value', 'cpid']) {
        const value = query.get(name);
        if (value) params.set(name, value);
    }
    return params;
}

function seriesQuery(query: URLSearchParams): URLSearchParams {
    const params = chosenRuns(query);
    const group = query.get('group') ?? '';
    params.set('group', GROUPS.includes(group) ? group : 'day');
    for (const name of ['start_date', 'end_date']) {
        const value = query.get(name);
        if (value) params.set(name, dayToUtc(value, name === 'end_date'));
    }
    return params;
}

function Filters({ query }: { query: URLSearchParams }) {
    const change = (values: Record<string, string>) => {
        const next = new URLSearchParams(query);
        for (const [name, value] of Object.entries(values)) {
            if (value) next.set(name, value);
            else next.delete(name);
        }
        navigate(href('/trends', next), true);
    };
    const field = (name: string, none = '') => ({
        value: query.get(name) ?? none, onChange: (e: Event) => change({ [name]: (e.currentTarget as HTMLInputElement).value }),
    });
    return (
        <div class="card filters">
            <PairFilter pair={query.get('key') ? `${query.get('key')}=${query.get('value') ?? ''}` : ''}
                hint="For instance branch=master; Enter applies it." onChoose={(key, value) => change({ key, value })} />
            <Field id="start" label="From"><input id="start" type="date" {...field('start_date')} /></Field>
            <Field id="end" label="To"><input id="end" type="date" {...field('end_date')} /></Field>
            <Field id="group" label="A point for each">
                <select id="group" {...field('group', 'day')}>{GROUPS.map((g) => <option key={g}>{g}</option>)}</select>
            </Field>
        </div>
    );
}

function Rate({ series }: { series: Period[] }) {
    const data = useMemo((): [number[], (number | null)[]] => [
        series.map((p) => (parseTime(p.date)?.getTime() ?? 0) / 1000), series.map((p) => p.failure_rate),
    ], [series]);
    return (
        <Chart data={data} height={260} label={`Share of runs that failed, in ${series.length} points`} options={(color) => ({
            scales: { y: { range: [0, 1] } },
            axes: [
                { ...axis(color), values: (_u, ticks, _axis, _space, step) => ticks.map((t) => chartTick(t, step)) },
                { ...axis(color), size: 60, values: (_u, ticks) => ticks.map((t) => `${Math.round(t * 100)} %`) },
            ],
            series: [
                { label: 'From', value: (_u, v) => (v ? dateTime(new Date(v * 1000).toISOString()) : '–') },
                {
                    label: 'Runs that failed', stroke: color('--bad-bar'), width: 2, spanGaps: true,
                    value: (_u, v) => (v === null ? '–' : percent(v, 1)), points: { show: true, size: 7, fill: color('--card') },
                },
            ],
            cursor: { y: false },
        })} />
    );
}

/** Days begin at midnight; where one reads them in another zone they do not. */
function beginning(iso: string | null | undefined): string {
    return dateTime(iso).replace(/, 00:00$/, '');
}

/** The list of runs that PERIOD counts, or of those that failed. */
function runsOf(period: Period, query: URLSearchParams, failed: boolean): string {
    const [key, cpid] = [query.get('key'), query.get('cpid')];
    return href('/runs', {
        ...bounds(period.date, query.get('group') ?? ''), cpid, ...(key && { ['meta.' + key]: query.get('value') }), ...(failed && { status: 'fail' }),
    });
}

const periods = (query: URLSearchParams): Column<Period>[] => [
    { head: 'From', kind: 'main', cell: (p) => <Time iso={p.date} format={query.get('group') === 'hour' ? dateTime : beginning} /> },
    { head: 'Runs', kind: 'num', cell: (p) => <a href={runsOf(p, query, false)}>{count(p.runs)}</a> },
    {
        head: 'Runs that failed', kind: 'num', cell: (p) => (!p.failed_runs || p.failure_rate === null ? <span class="quiet">0</span>
            : <a href={runsOf(p, query, true)}>{`${count(p.failed_runs)} (${percent(p.failure_rate, 1)})`}</a>),
    },
    { head: 'Tests passed', kind: 'num', cell: (p) => count(p.passes) },
    { head: 'Tests failed', kind: 'num', cell: (p) => <span class={p.fails ? 'bad-figure' : 'quiet'}>{count(p.fails)}</span> },
    { head: 'Average of those that passed', kind: 'num', cell: (p) => duration(p.run_time) },
];

const failures: Column<Failure>[] = [
    { head: 'Test', kind: 'main', cell: (f) => <a href={href(`/tests/${f.id}`)}><Text>{f.test_id}</Text></a> },
    { head: 'Cloud (cpid)', cell: (f) => <Cpid id={f.cpid} /> },
    { head: 'Run', kind: 'num', cell: (f) => <a href={href(`/runs/${f.uuid}`, { test: f.test_run })}><Time iso={f.run_at} format={ago} /></a> },
];

export function Trends({ query }: PageProps) {
    useTitle('Trends');
    const seriesKey = seriesQuery(query).toString();
    const chosenKey = chosenRuns(query).toString();
    const series = useResource((signal) => getSeries(new URLSearchParams(seriesKey), signal), [seriesKey]);
    const recent = useList<Failure>((marker, signal) => listRecentFailures(new URLSearchParams(chosenKey), marker, signal), [chosenKey]);
    return (
        <>
            <div class="page-head"><h1>Trends</h1></div>
            <Filters query={query} />
            {series.error && <ErrorNote error={series.error} retry={series.reload} />}
            {!series.data && series.loading && <Loading lines={6} />}
            {series.data?.length === 0 && (
                <EmptyState title="No runs in this time" {...([...query].length > 0 ? {
                    action: <Button onClick={() => navigate(href('/trends'))}>Clear the filters</Button>,
                } : {})}>
                    <p>Without dates these are the last thirty {query.get('group') ?? 'day'}s.</p>
                </EmptyState>
            )}
            {series.data && series.data.length > 0 && (
                <>
                    <section class="card" aria-label="Share of runs that failed"><Rate series={series.data} /></section>
                    <section class="section">
                        <Table label="Periods" columns={periods(query)} items={[...series.data].reverse()} id={(p) => p.date} />
                    </section>
                </>
            )}
            <section class="section">
                <h2>Failed of late</h2>
                <PagedTable label="Failed of late" list={recent} columns={failures} id={(f) => f.test_run}
                    empty={<p class="quiet">No test has failed.</p>} />
            </section>
        </>
    );
}
