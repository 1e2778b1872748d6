/** Tests that the caller's runs had: found by the beginning of their names. */
import { useEffect, useState } from 'preact/hooks';
import { Button, EmptyState, Field, Text } from '../components/basic';
import { Column, PagedTable } from '../components/table';
import { count, duration, percent } from '../format';
import { Test, listTests } from '../history';
import { useList, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';

const columns: Column<Test>[] = [
    { head: 'Test', kind: 'main', cell: (t) => <a href={href(`/tests/${t.id}`)}><Text>{t.test_id}</Text></a> },
    { head: 'Passing', kind: 'num', cell: (t) => percent(t.success, t.success + t.failure) },
    { head: 'Failed', kind: 'num', cell: (t) => <span class={t.failure ? 'bad-figure' : 'quiet'}>{count(t.failure)}</span> },
    { head: 'Passed', kind: 'num', cell: (t) => count(t.success) },
    { head: 'Average', kind: 'num', cell: (t) => duration(t.success > 0 ? t.run_time : null) },
];

/** What is typed goes into the address once the typing rests. */
function Search({ prefix }: { prefix: string }) {
    const [text, setText] = useState(prefix);
    useEffect(() => setText(prefix), [prefix]);
    useEffect(() => {
        if (text === prefix) return undefined;
        const timer = window.setTimeout(() => navigate(href('/tests', { prefix: text }), true), 250);
        return () => window.clearTimeout(timer);
    }, [text]);
    return (
        <form class="card filters" role="search" onSubmit={(e) => { e.preventDefault(); navigate(href('/tests', { prefix: text }), true); }}>
            <div class="filter-wide">
                <Field id="prefix" label="Name begins with" hint="For instance tempest.api.compute; upper and lower case differ.">
                    <input id="prefix" type="search" autocomplete="off" spellcheck={false} aria-describedby="prefix-hint"
                        value={text} onInput={(e) => setText(e.currentTarget.value)} />
                </Field>
            </div>
        </form>
    );
}

/** The heading of both lists, and the way from one to the other. */
export function TestsHead({ view }: { view: 'all' | 'flaky' }) {
    return (
        <>
            <div class="page-head"><h1>Tests</h1></div>
            <nav class="tabs" aria-label="Lists of tests">
                <a href={href('/tests')} aria-current={view === 'all' ? 'page' : undefined}>All</a>
                <a href={href('/tests/flaky')} aria-current={view === 'flaky' ? 'page' : undefined}>Flaky</a>
            </nav>
        </>
    );
}

export function Tests({ query }: PageProps) {
    useTitle('Tests');
    const prefix = query.get('prefix') ?? '';
    const list = useList<Test>((marker, signal) => listTests(prefix, marker, signal), [prefix]);
    return (
        <>
            <TestsHead view="all" />
            <Search prefix={prefix} />
            <PagedTable label="Tests" list={list} columns={columns} id={(t) => t.id} empty={prefix ? (
                <EmptyState title="No test's name begins so" action={
                    <Button onClick={() => navigate(href('/tests'), true)}>Show all tests</Button>
                }>
                    <p>The search looks at the beginning of names, letter by letter.</p>
                </EmptyState>
            ) : (
                <EmptyState title="No tests yet" action={<a class="button button-primary" href={href('/upload')}>Upload a run</a>}>
                    <p>Every test of an uploaded run is here with its history.</p>
                </EmptyState>
            )} />
        </>
    );
}
