/** Tests that pass and fail in turn. */
import { Button, EmptyState, Field, Text } from '../components/basic';
import { PairFilter } from '../components/pair-filter';
import { Column, PagedTable } from '../components/table';
import { count, percent } from '../format';
import { FlakyTest, listFlaky } from '../history';
import { useList, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { TestsHead } from './tests';

const columns: Column<FlakyTest>[] = [
    { head: 'Test', kind: 'main', cell: (t) => <a href={href(`/tests/${t.id}`)}><Text>{t.test_id}</Text></a> },
    { head: 'Changes', kind: 'num', cell: (t) => count(t.flips) },
    { head: 'Rate of change', kind: 'num', cell: (t) => percent(t.flake_rate, 1) },
    { head: 'Failed', kind: 'num', cell: (t) => <span class="bad-figure">{count(t.fails)}</span> },
    { head: 'Passed', kind: 'num', cell: (t) => count(t.passes) },
];

const LAST = ['20', '50', '100', '500'];

export function Flaky({ query }: PageProps) {
    useTitle('Flaky tests');
    const last = LAST.includes(query.get('last') ?? '') ? (query.get('last') as string) : '50';
    const key = query.get('key') ?? '';
    const value = query.get('value') ?? '';
    const list = useList<FlakyTest>((marker, signal) =>
        listFlaky(new URLSearchParams({ last, ...(key ? { key, value } : {}) }), marker, signal), [last, key, value]);
    const go = (more: { last?: string; key?: string; value?: string }) =>
        navigate(href('/tests/flaky', { last, key, value, ...more }), true);
    return (
        <>
            <TestsHead view="flaky" />
            <div class="card filters">
                <PairFilter pair={key ? `${key}=${value}` : ''} hint="Only runs that have it, for instance branch=master; Enter applies it."
                    onChoose={(k, v) => go({ key: k, value: v })} />
                <Field id="last" label="Of the last">
                    <select id="last" value={last} onChange={(e) => go({ last: e.currentTarget.value })}>
                        {LAST.map((n) => <option key={n} value={n}>{n} runs</option>)}
                    </select>
                </Field>
            </div>
            <PagedTable label="Flaky tests" list={list} columns={columns} id={(t) => t.id} empty={
                <EmptyState title="No flaky tests" {...(key ? { action: <Button onClick={() => go({ key: '', value: '' })}>All runs</Button> } : {})}>
                    <p>No test both passed and failed in the last {last} runs{key && <> with <Text>{`${key}=${value}`}</Text></>}.</p>
                </EmptyState>
            } />
        </>
    );
}
