/** One run: its summary, and its tests seen in four ways. */
import { useMemo, useRef } from 'preact/hooks';
import { download, seg } from '../api';
import { useErrand } from '../change';
import { Address, Button, CountsBar, Cpid, ErrorNote, Facts, Loading, Text, Time } from '../components/basic';
import { Deleting } from '../components/deleting';
import { Run as RunData, ownMetadata } from '../evidence';
import { count, dateTime, duration, percent, plural } from '../format';
import { useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { RunRows, useRunRows } from '../run-rows';
import { Failures } from './run-failures';
import { Slowest } from './run-slowest';
import { TestDetails } from './run-test';
import { Tests } from './run-tests';
import { Timeline } from './run-timeline';

const NOT_HERE = 0; // the number of no test

const TABS = [
    { id: 'failures', name: 'Failures' },
    { id: 'tests', name: 'Tests' },
    { id: 'timeline', name: 'Timeline' },
    { id: 'slowest', name: 'Slowest' },
] as const;

function Saving({ run: { uuid } }: { run: RunData }) {
    const { busy, run } = useErrand();
    const save = (what: string, name: string) => () => void run(what, () => download(`/v1/subunit/${seg(uuid)}/${what}`, name));
    return (
        <>
            <Button busy={busy === 'stream'} onClick={save('stream', `${uuid}.subunit`)}>Download subunit</Button>
            <Button busy={busy === 'junit'} onClick={save('junit', `${uuid}.xml`)}>Download JUnit</Button>
        </>
    );
}

function Summary({ run }: { run: RunData }) {
    const all = run.passes + run.fails + run.skips;
    const meta = ownMetadata(run);
    return (
        <section class="card summary" aria-label="Summary">
            <div class="summary-counts">
                <div class={run.fails ? 'figure figure-bad' : 'figure'}><b>{count(run.fails)}</b> failed</div>
                <div class="figure figure-good"><b>{count(run.passes)}</b> passed</div>
                <div class="figure"><b>{count(run.skips)}</b> skipped</div>
                <div class="figure"><b>{percent(run.passes, all - run.skips)}</b> of those that ran passed</div>
            </div>
            <CountsBar {...run} />
            <Facts items={[
                ['Time in tests', duration(run.run_time)],
                ['Cloud (cpid)', <Cpid id={run.cpid} />],
                ['Result', run['result-id'] ? <a href={href(`/results/${run['result-id']}`)}>{run['result-id']}</a> : 'none'],
                ['Stored', <Time iso={run.created_at} format={dateTime} />],
                ...(run.artifacts ? [['Artifacts', <Address of={run.artifacts} />] as [string, preact.JSX.Element]] : []),
                ...meta.map((m): [string, preact.JSX.Element] => [m.key, <Text>{m.value}</Text>]),
            ]} />
        </section>
    );
}

/** Where the other tests stand that are still on their way. */
function Arriving({ data }: { data: RunRows }) {
    if (data.error && data.run) return <ErrorNote error={data.error} retry={data.retry} />;
    if (data.done || !data.run) return null;
    return <p class="quiet small" role="status">{count(data.rows.length)} of {count(data.run.tests)} tests are here.</p>;
}

export function Run({ params, query }: PageProps) {
    const uuid = params.uuid ?? '';
    const data = useRunRows(uuid);
    const opened = useRef(false);
    const { run } = data;
    // Other pages know a test, but not its number in this run.
    const sought = Number(query.get('test_id')) || null;
    const found = useMemo(() => (sought ? data.rows.find((r) => r.testId === sought)?.id : undefined), [sought, data.version]);
    useTitle(run ? `Run of ${dateTime(run.run_at)}` : 'Run');
    if (!run) {
        if (!data.error) return <Loading lines={8} label="Loading the run" />;
        return data.error.status === 404 ? (
            <ErrorNote error={data.error} />
        ) : <ErrorNote error={data.error} retry={data.retry} />;
    }
    const tab = TABS.find((t) => t.id === query.get('tab'))?.id ?? (run.fails > 0 ? 'failures' : 'tests');
    const to = (more: Record<string, string | null>) => {
        const q = new URLSearchParams(query);
        for (const [name, value] of Object.entries(more)) {
            if (value === null) q.delete(name);
            else q.set(name, value);
        }
        return href(`/runs/${run.uuid}`, q);
    };
    const open = (id: number) => {
        opened.current = true;
        navigate(to({ test: String(id), test_id: null }));
    };
    // Back closes what was opened here; so closing it is going back, and leaves no second way there.
    const close = () => {
        if (opened.current) window.history.back();
        else navigate(to({ test: null, test_id: null }), true);
        opened.current = false;
    };
    const chosen = Number(query.get('test')) || found || (sought && data.done ? NOT_HERE : null);
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/runs')}>Runs</a></p>
                    <h1>Run of <Time iso={run.run_at} format={dateTime} /></h1>
                    <p class="quiet small mono">{run.uuid}</p>
                </div>
                <div class="actions">
                    <Saving run={run} />
                    <Deleting what="run" path={`/v1/subunit/${seg(run.uuid)}`} list="/runs">
                        <p>Its {plural(run.tests || run.passes + run.fails + run.skips, 'test')} and their attachments are removed for good. The result that it belongs to stays.</p>
                    </Deleting>
                </div>
            </div>
            <Summary run={run} />
            <nav class="tabs" aria-label="Views of the run">
                {TABS.map((t) => (
                    <a key={t.id} href={to({ tab: t.id })} aria-current={t.id === tab ? 'page' : undefined}>
                        {t.name}
                        {t.id === 'failures' && <span class="tab-count">{count(run.fails)}</span>}
                        {t.id === 'tests' && <span class="tab-count">{count(run.tests || data.rows.length)}</span>}
                    </a>
                ))}
            </nav>
            <Arriving data={data} />
            {tab === 'failures' && <Failures run={run} data={data} onOpen={open} />}
            {tab === 'tests' && <Tests data={data} query={query} selected={chosen} onOpen={open}
                onFilter={(more) => navigate(to(more), true)} />}
            {tab === 'timeline' && <Timeline data={data} onOpen={open} />}
            {tab === 'slowest' && <Slowest data={data} onOpen={open} />}
            <TestDetails uuid={run.uuid} id={chosen} onClose={close} />
        </>
    );
}
