/** RefStack results: the caller's, shared and anonymous ones. */
import { Badge, Button, Cpid, EmptyState, Field, Text, Time } from '../components/basic';
import { Column, PagedTable } from '../components/table';
import { dateTime, dayToUtc, duration } from '../format';
import { useList, useTitle } from '../hooks';
import { Result, listResults } from '../refstack';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { useSession } from '../session';

const columns: Column<Result>[] = [
    { head: 'Uploaded', kind: 'main', cell: (r) => <a href={href(`/results/${r.id}`)}><Time iso={r.created_at} format={dateTime} /></a> },
    { head: 'Cloud (cpid)', cell: (r) => (r.cpid ? <Cpid id={r.cpid} /> : <span class="quiet">not shown</span>) },
    { head: 'Guideline', cell: (r) => (r.meta.guideline ? <Text>{r.meta.guideline}</Text> : <span class="quiet">none</span>) },
    { head: 'Target', cell: (r) => (r.meta.target ? <Text>{r.meta.target}</Text> : <span class="quiet">none</span>) },
    {
        head: 'State', cell: (r) => (
            <span class="row">
                {r.meta.shared === 'true' && <Badge tone="info">shared</Badge>}
                {r.verification_status === 1 && <Badge tone="good">verified</Badge>}
                {r.meta.shared !== 'true' && r.verification_status !== 1 && <span class="quiet">not shared</span>}
            </span>
        ),
    },
    { head: 'Duration', kind: 'num', cell: (r) => duration(r.duration_seconds) },
];

/** The page's address has days and words; the API gets times and numbers. */
function apiQuery(query: URLSearchParams): string {
    const params = new URLSearchParams();
    for (const [name, value] of query) {
        if (name === 'start_date' || name === 'end_date') params.set(name, dayToUtc(value, name === 'end_date'));
        else if (name === 'cpid' || name === 'verification_status') params.set(name, value);
        else if (name === 'signed') params.set('signed', 'true');
    }
    return params.toString();
}

function Filters({ query }: { query: URLSearchParams }) {
    const session = useSession();
    const set = (name: string, value: string) => {
        const next = new URLSearchParams(query);
        if (value) next.set(name, value);
        else next.delete(name);
        navigate(href('/results', next), true);
    };
    const text = (name: string) => ({
        value: query.get(name) ?? '', onChange: (e: Event) => set(name, (e.currentTarget as HTMLInputElement).value.trim()),
    });
    return (
        <div class="card filters">
            <div class="filter-wide">
                <Field id="cpid" label="Cloud (cpid)"><input id="cpid" type="search" spellcheck={false} {...text('cpid')} /></Field>
            </div>
            <Field id="start" label="From"><input id="start" type="date" {...text('start_date')} /></Field>
            <Field id="end" label="To"><input id="end" type="date" {...text('end_date')} /></Field>
            <Field id="verified" label="Verified">
                <select id="verified" {...text('verification_status')}>
                    <option value="">All</option>
                    <option value="1">Verified</option>
                    <option value="0">Not verified</option>
                </select>
            </Field>
            {session && (
                <label class="check">
                    <input type="checkbox" checked={query.has('signed')} onChange={(e) => set('signed', e.currentTarget.checked ? 'true' : '')} />
                    <span>Mine, private ones too</span>
                </label>
            )}
        </div>
    );
}

export function Results({ query }: PageProps) {
    useTitle('Results');
    const session = useSession();
    const key = apiQuery(query);
    const list = useList<Result>((marker, signal) => listResults(new URLSearchParams(key), marker, signal), [key, session?.token]);
    return (
        <>
            <div class="page-head">
                <h1>Results</h1>
                {session && <div class="actions"><a class="button button-plain" href={href('/keys')}>Keys</a></div>}
            </div>
            <Filters query={query} />
            <PagedTable label="Results" list={list} columns={columns} id={(r) => r.id} empty={key ? (
                <EmptyState title="No results match" action={<Button onClick={() => navigate(href('/results'))}>Clear the filters</Button>}>
                    <p>There may be others: these filters leave none of them.</p>
                </EmptyState>
            ) : (
                <EmptyState title={session ? 'No shared results' : 'No results yet'} {...(session && {
                    action: <Button onClick={() => navigate(href('/results', { signed: 'true' }))}>Show mine</Button>,
                })}>
                    <p>A result is the list of tests that a cloud passed, as <code>refstack-client upload</code> and <code>tally upload</code> send it.</p>
                </EmptyState>
            )} />
        </>
    );
}
