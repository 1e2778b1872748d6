/** The runs that the caller may see, newest first: filtered, and two of them chosen to be compared. */
import { useState } from 'preact/hooks';
import { Button, CountsBar, EmptyState, Field, Text, Time, describedBy } from '../components/basic';
import { Column, PagedTable } from '../components/table';
import { Run, listRuns, ownMetadata } from '../evidence';
import { ago, count, dateTime, dayToUtc, duration } from '../format';
import { useList, useTitle } from '../hooks';
import { useKeptState } from '../kept';
import { readPair } from '../query';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { useSession } from '../session';

/** The page's address has days; the API gets times. */
function apiQuery(query: URLSearchParams): URLSearchParams {
    const params = new URLSearchParams({ limit: '50' });
    for (const [name, value] of query) {
        if (name === 'start_date' || name === 'end_date') params.set(name, dayToUtc(value, name === 'end_date'));
        else if (name === 'cpid' || name === 'status' || name.startsWith('meta.')) params.append(name, value);
    }
    return params;
}

const DATES = new Map([['start_date', 'from'], ['end_date', 'to']]);

function isDay(value: string | null): boolean {
    return /^\d{4}-\d\d-\d\d$/.test(value ?? '');
}

/** What a filter says in its chip. */
function words(name: string, value: string): string {
    return DATES.has(name) ? `${DATES.get(name)} ${dateTime(value)}` : `${name.replace(/^meta\./, '')}=${value}`;
}

function change(query: URLSearchParams, edit: (q: URLSearchParams) => void): void {
    const next = new URLSearchParams(query);
    edit(next);
    navigate(href('/runs', next), true);
}

function Filters({ query }: { query: URLSearchParams }) {
    const [meta, setMeta] = useState('');
    const [problem, setProblem] = useState<string | null>(null);
    const set = (name: string, value: string) => change(query, (q) => (value ? q.set(name, value) : q.delete(name)));
    // What no field shows: the address of a trend's period has times, and not days.
    const chips = [...query].filter(([name, value]) => name.startsWith('meta.') || name === 'cpid' || (DATES.has(name) && !isDay(value)));
    const day = (name: string) => ({
        value: isDay(query.get(name)) ? (query.get(name) ?? '') : '', onInput: (e: Event) => set(name, (e.currentTarget as HTMLInputElement).value),
    });
    const addMeta = (e: Event) => {
        e.preventDefault();
        const pair = readPair(meta);
        setProblem(pair ? null : 'Write it as key=value.');
        if (!pair) return;
        setMeta('');
        const [key, value] = pair;
        if (key === 'cpid') set('cpid', value);
        else change(query, (q) => q.append('meta.' + key, value));
    };
    return (
        <div class="filters card">
            <form class="filter-meta" onSubmit={addMeta}>
                <Field id="meta" label="Metadata" error={problem} hint="For instance branch=master; Enter adds it.">
                    <input id="meta" value={meta} placeholder="key=value" {...describedBy('meta', true, problem)}
                        onInput={(e) => setMeta(e.currentTarget.value)} />
                </Field>
            </form>
            <Field id="start" label="From">
                <input id="start" type="date" {...day('start_date')} />
            </Field>
            <Field id="end" label="To">
                <input id="end" type="date" {...day('end_date')} />
            </Field>
            <label class="check">
                <input type="checkbox" checked={query.get('status') === 'fail'}
                    onChange={(e) => set('status', e.currentTarget.checked ? 'fail' : '')} />
                <span>With failures only</span>
            </label>
            {chips.length > 0 && (
                <ul class="chips filter-chips" aria-label="Filters in force">
                    {chips.map(([name, value]) => (
                        <li key={name + value}>
                            <button type="button" class="chip chip-on" aria-label={`Remove the filter ${DATES.has(name) ? words(name, value) : `${name} ${value}`}`}
                                onClick={() => change(query, (q) => {
                                    const left = q.getAll(name).filter((v) => v !== value);
                                    q.delete(name);
                                    left.forEach((v) => q.append(name, v));
                                })}>
                                <Text>{words(name, value)}</Text> <span aria-hidden="true">✕</span>
                            </button>
                        </li>
                    ))}
                </ul>
            )}
        </div>
    );
}

function Chips({ run, query }: { run: Run; query: URLSearchParams }) {
    const pairs = [...(run.cpid && run.cpid !== 'unspecified' ? [{ key: 'cpid', value: run.cpid }] : []), ...ownMetadata(run)];
    if (pairs.length === 0) return null;
    return (
        <ul class="chips" aria-label="Metadata">
            {pairs.slice(0, 6).map((m) => (
                <li key={m.key + m.value}>
                    <button type="button" class="chip" title={`Show only runs with ${m.key}=${m.value}`}
                        onClick={() => change(query, (q) => q.set(m.key === 'cpid' ? 'cpid' : 'meta.' + m.key, m.value))}>
                        <Text>{`${m.key}=${m.value}`}</Text>
                    </button>
                </li>
            ))}
            {pairs.length > 6 && <li class="quiet small">and {pairs.length - 6} more</li>}
        </ul>
    );
}

export function Runs({ query }: PageProps) {
    useTitle('Runs');
    const session = useSession();
    const [chosen, setChosen] = useKeptState<Run[]>('chosen', []);
    const key = apiQuery(query).toString();
    const list = useList<Run>((marker, signal) => listRuns(new URLSearchParams(key), marker, signal), [key]);
    const choose = (run: Run, on: boolean) =>
        setChosen((c) => (on ? [...c.slice(-1), run] : c.filter((x) => x.uuid !== run.uuid)));
    const columns: Column<Run>[] = [
        {
            head: 'Compare', hideHead: true, kind: 'corner',
            cell: (r) => (
                <label class="check-target">
                    <input type="checkbox" checked={chosen.some((c) => c.uuid === r.uuid)} aria-label={`Compare run ${r.uuid}`}
                        onChange={(e) => choose(r, e.currentTarget.checked)} />
                </label>
            ),
        },
        {
            head: 'Run', kind: 'main',
            cell: (r) => (
                <div class="run-cell">
                    <a href={href(`/runs/${r.uuid}`)}><Time iso={r.run_at} format={ago} /></a>
                    {session?.isStaff && r.project && <span class="quiet small">project <Text>{r.project}</Text></span>}
                    <Chips run={r} query={query} />
                </div>
            ),
        },
        { head: 'Outcome', cell: (r) => <CountsBar {...r} /> },
        { head: 'Failed', kind: 'num', cell: (r) => <span class={r.fails ? 'bad-figure' : 'quiet'}>{count(r.fails)}</span> },
        { head: 'Passed', kind: 'num', cell: (r) => count(r.passes) },
        { head: 'Skipped', kind: 'num', cell: (r) => <span class="quiet">{count(r.skips)}</span> },
        { head: 'Time', kind: 'num', cell: (r) => duration(r.run_time) },
    ];
    // Newest first: the later one of the two is compared with the earlier one.
    const pair = [...chosen].sort((a, b) => (a.run_at ?? '') < (b.run_at ?? '') ? 1 : -1);
    const filtered = [...query].length > 0;
    return (
        <>
            <div class="page-head">
                <h1>Runs</h1>
                <div class="actions"><a class="button button-primary" href={href('/upload')}>Upload</a></div>
            </div>
            <Filters query={query} />
            <PagedTable label="Runs" list={list} columns={columns} id={(r) => r.uuid} empty={
                filtered ? (
                    <EmptyState title="No runs match" action={<Button onClick={() => navigate(href('/runs'))}>Clear the filters</Button>}>
                        <p>There may be others: these filters leave none of them.</p>
                    </EmptyState>
                ) : (
                    <EmptyState title="No runs yet" action={<a class="button button-primary" href={href('/upload')}>Upload a run</a>}>
                        <p>A run is what one execution of a test suite left: a subunit stream, as stestr and Tempest write it.</p>
                        <p><code>stestr last --subunit | tally upload-subunit -</code> does it from a terminal.</p>
                    </EmptyState>
                )
            } />
            {chosen.length > 0 && (
                <div class="bottom-bar" role="region" aria-label="Comparison">
                    <span>{chosen.length === 1 ? 'One run chosen: choose another one to compare.' : 'Two runs chosen.'}</span>
                    <span class="row">
                        <Button kind="quiet" onClick={() => setChosen([])}>Clear</Button>
                        <Button kind="primary" disabled={chosen.length < 2}
                            onClick={() => navigate(href(`/compare/${pair[0]?.uuid}/${pair[1]?.uuid}`))}>
                            Compare
                        </Button>
                    </span>
                </div>
            )}
        </>
    );
}
