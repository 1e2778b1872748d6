/** One result: the tests that passed, what its owner says of it, its evidence, and whether the staff has verified it. */
import { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { seg } from '../api';
import { useChange } from '../change';
import { Badge, Button, Cpid, ErrorNote, Facts, Field, Loading, Note, Problem, Text, Time, describedBy } from '../components/basic';
import { Deleting } from '../components/deleting';
import { TestName } from '../components/test-name';
import { VirtualList } from '../components/virtual';
import { useDraft } from '../drafts';
import { count, dateTime, duration, plural } from '../format';
import { useResource, useTitle } from '../hooks';
import { ResultDetail, getResult, setMeta, setVerified } from '../refstack';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { useSession } from '../session';

interface PartProps {
    result: ResultDetail;
    changed: () => void;
}

function Sharing({ result, changed }: PartProps) {
    const shared = result.meta.shared === 'true';
    const { busy, error, change } = useChange(changed);
    return (
        <section class="card stack">
            <h2>Sharing</h2>
            <p>{shared
                ? 'Everybody may see this result: its date, its duration, the tests that passed, guideline and target. The cloud and the evidence stay with your project and the staff.'
                : 'Only your project and the staff see this result. Shared, everybody may see its date, its duration, the tests that passed, guideline and target; the cloud and the evidence stay private.'}</p>
            <Problem>{error}</Problem>
            <div>
                <Button busy={busy} onClick={() => change(() => setMeta(result.id, 'shared', shared ? null : 'true'),
                    shared ? 'The result is no longer shared.' : 'The result is shared.')}>
                    {shared ? 'Stop sharing' : 'Share'}
                </Button>
            </div>
        </section>
    );
}

function Labels({ result, changed }: PartProps) {
    const [values, setValues] = useDraft(`labels ${result.id}`, { guideline: result.meta.guideline ?? '', target: result.meta.target ?? '' });
    const { busy, error, change } = useChange(changed);
    const save = (e: Event) => {
        e.preventDefault();
        void change(async () => {
            for (const key of ['guideline', 'target'] as const) {
                const value = values[key].trim();
                if (value !== (result.meta[key] ?? '')) await setMeta(result.id, key, value || null);
            }
        }, 'Guideline and target are saved.');
    };
    return (
        <form class="card stack" onSubmit={save}>
            <h2>Guideline and target</h2>
            <Field id="guideline" label="Guideline" hint="The interoperability guideline that this result is for, such as 2023.11.">
                <input id="guideline" {...describedBy('guideline', true)} value={values.guideline}
                    onInput={(e) => setValues({ ...values, guideline: e.currentTarget.value })} />
            </Field>
            <Field id="target" label="Target" hint="The program: platform, compute, object, dns, orchestration.">
                <input id="target" {...describedBy('target', true)} value={values.target}
                    onInput={(e) => setValues({ ...values, target: e.currentTarget.value })} />
            </Field>
            <Problem>{error}</Problem>
            <div><Button type="submit" busy={busy}>Save</Button></div>
        </form>
    );
}

function Evidence({ result }: { result: ResultDetail }) {
    const run = result.meta.subunit_run;
    let content: ComponentChildren;
    if (run) {
        content = (
            <>
                <p>A subunit stream belongs to this result. The owner's project and the staff see it.</p>
                <div><a class="button button-plain" href={href(`/runs/${run}`)}>Show the run</a></div>
            </>
        );
    } else {
        content = (
            <>
                <p>No subunit stream belongs to it. <code class="wrap">tally upload-subunit FILE --link {result.id}</code> adds one; the tests that passed in it must be these.</p>
                {result.user_role === 'owner' && result.verification_status !== 1 && (
                    <div><a class="button button-plain" href={href('/upload', { result: result.id })}>Add evidence</a></div>
                )}
            </>
        );
    }
    return <section class="card stack"><h2>Evidence</h2>{content}</section>;
}

function Verification({ result, changed }: PartProps) {
    const verified = result.verification_status === 1;
    const { busy, error, change } = useChange(changed);
    return (
        <section class="card stack">
            <h2>Verification</h2>
            <p>{verified
                ? 'The staff has verified this result. It can neither be changed nor deleted until that is withdrawn.'
                : 'A result can be verified once its owner has shared it and said its guideline and its target.'}</p>
            <Problem>{error}</Problem>
            {result.user_role === 'foundation' && (
                <div>
                    <Button kind={verified ? 'danger' : 'primary'} busy={busy} onClick={() => change(() => setVerified(result.id, !verified),
                        verified ? 'The verification is withdrawn.' : 'The result is verified.')}>
                        {verified ? 'Withdraw the verification' : 'Verify'}
                    </Button>
                </div>
            )}
        </section>
    );
}

function PassedTests({ result }: { result: ResultDetail }) {
    const [text, setText] = useState('');
    const names = useMemo(() => {
        const wanted = text.trim().toLowerCase();
        return wanted ? result.results.filter((n) => n.toLowerCase().includes(wanted)) : result.results;
    }, [result, text]);
    return (
        <section class="section">
            <h2>{plural(result.results.length, 'test')} passed</h2>
            <div class="stack">
                <Field id="search" label="Search">
                    <input id="search" type="search" autocomplete="off" spellcheck={false} value={text} onInput={(e) => setText(e.currentTarget.value)} />
                </Field>
                <p class="small quiet" role="status">{text ? `${count(names.length)} of them match.` : 'Enter on a test shows its history, where runs of yours have it.'}</p>
                {names.length > 0 && (
                    <VirtualList count={names.length} rowHeight={36} height="60vh" label="Tests that passed"
                        row={(i) => <span class="whole-name"><TestName name={names[i] ?? ''} /></span>}
                        onOpen={(i) => navigate(href('/tests', { prefix: names[i] ?? '' }))} />
                )}
            </div>
        </section>
    );
}

/** What has a place of its own, and the owner's id, which says nothing to people. */
const OWN = new Set(['shared', 'guideline', 'target', 'subunit_run', 'user']);

export function Result({ params }: PageProps) {
    const id = params.id ?? '';
    const session = useSession();
    const { data: result, error, reload } = useResource((signal) => getResult(id, signal), [id, session?.token]);
    useTitle(result ? `Result of ${dateTime(result.created_at)}` : 'Result');
    if (!result) {
        if (!error) return <Loading lines={8} label="Loading the result" />;
        return <ErrorNote error={error} {...(error.status === 404 ? {} : { retry: reload })} />;
    }
    const owner = result.user_role === 'owner';
    const staff = result.user_role === 'foundation';
    const verified = result.verification_status === 1;
    const others = Object.entries(result.meta).filter(([key]) => !OWN.has(key));
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/results')}>Results</a></p>
                    <h1>Result of <Time iso={result.created_at} format={dateTime} /></h1>
                    <p class="quiet small mono">{result.id}</p>
                </div>
                {(owner || staff) && (
                    <div class="actions">
                        <Deleting what="result" path={`/v1/results/${seg(result.id)}`} list="/results">
                            <p>The result and {result.meta.subunit_run ? 'the run that is its evidence are' : 'what is said of it are'} removed for good.</p>
                        </Deleting>
                    </div>
                )}
            </div>
            {error && <ErrorNote error={error} retry={reload} />}
            <section class="card" aria-label="Summary">
                <Facts items={[
                    ['State', <span class="row">
                        <Badge tone={result.meta.shared === 'true' ? 'info' : 'muted'}>{result.meta.shared === 'true' ? 'shared' : 'not shared'}</Badge>
                        <Badge tone={verified ? 'good' : 'muted'}>{verified ? 'verified' : 'not verified'}</Badge>
                    </span>],
                    ...(result.cpid ? [['Cloud (cpid)', <Cpid id={result.cpid} />] as [string, ComponentChildren]] : []),
                    ['Tests passed', count(result.results.length)],
                    ['Duration', duration(result.duration_seconds)],
                    ['Guideline', result.meta.guideline ? <Text>{result.meta.guideline}</Text> : 'none'],
                    ['Target', result.meta.target ? <Text>{result.meta.target}</Text> : 'none'],
                    ...others.map(([key, value]): [string, ComponentChildren] => [key, <Text>{value}</Text>]),
                ]} />
            </section>
            {(owner || staff) && (
                <div class="card-grid">
                    {owner && !verified && <Sharing result={result} changed={reload} />}
                    {owner && !verified && <Labels result={result} changed={reload} />}
                    <Evidence result={result} />
                    <Verification result={result} changed={reload} />
                </div>
            )}
            {!owner && !staff && verified && <Note tone="good">The staff has verified this result.</Note>}
            <PassedTests result={result} />
        </>
    );
}
