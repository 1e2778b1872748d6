/** What failed: failures that read alike are one entry, the most frequent first. */
import { useMemo } from 'preact/hooks';
import { Badge, Button, EmptyState, ErrorNote, Loading, Text } from '../components/basic';
import { TestName } from '../components/test-name';
import { FailureGroup, Run, failed, listFailures } from '../evidence';
import { count, plural } from '../format';
import { useList } from '../hooks';
import type { Row, RunRows } from '../run-rows';

const SHOWN = 200;

function Entry({ status, name, onOpen }: { status: string; name: string; onOpen?: (() => void) | undefined }) {
    return (
        <li>
            {onOpen ? (
                <button type="button" class="test-button" onClick={onOpen}><Badge>{status}</Badge><TestName name={name} /></button>
            ) : (
                <span class="test-button"><Badge>{status}</Badge><TestName name={name} /></span>
            )}
        </li>
    );
}

function Group({ group, rowOf, onOpen }: { group: FailureGroup; rowOf: Map<number, Row>; onOpen: (id: number) => void }) {
    const left = group.count - group.tests.length;
    return (
        <section class="card failure" aria-label={`${plural(group.count, 'test')}: ${group.message}`}>
            <div class="failure-head">
                <span class="failure-count">{count(group.count)}<span class="visually-hidden"> tests</span></span>
                <code class="failure-message"><Text>{group.message || 'No traceback, no reason'}</Text></code>
            </div>
            <ul class="failure-tests">
                {group.tests.map((t) => {
                    const row = rowOf.get(t.id);
                    return <Entry key={t.id} status={t.status} name={t.test_id} onOpen={row && (() => onOpen(row.id))} />;
                })}
            </ul>
            {left > 0 && <p class="quiet small">and {plural(left, 'more test')} with the same words.</p>}
        </section>
    );
}

/** Where the server cannot group them, they are listed as they are. */
function Plain({ rows, onOpen }: { rows: Row[]; onOpen: (id: number) => void }) {
    return (
        <ul class="card failure-tests">
            {rows.slice(0, SHOWN).map((r) => <Entry key={r.id} status={r.status} name={r.name} onOpen={() => onOpen(r.id)} />)}
        </ul>
    );
}

export function Failures({ run, data, onOpen }: { run: Run; data: RunRows; onOpen: (id: number) => void }) {
    const list = useList((marker, signal) => listFailures(run.uuid, marker, signal), [run.uuid]);
    const bad = useMemo(() => data.rows.filter((r) => failed(r.status)), [data.version]);
    const rowOf = useMemo(() => new Map(bad.map((r) => [r.testId, r])), [bad]);
    if (run.fails === 0 && bad.length === 0) {
        return <EmptyState title="Nothing failed"><p>{plural(run.passes, 'test')} passed, {plural(run.skips, 'was', 'were')} skipped.</p></EmptyState>;
    }
    if (list.error && list.items.length === 0) {
        return (
            <>
                <ErrorNote error={list.error} retry={list.reload} />
                {bad.length > 0 && <Plain rows={bad} onOpen={onOpen} />}
            </>
        );
    }
    if (list.items.length === 0 && list.loading) return <Loading lines={5} />;
    return (
        <div class="stack">
            {list.items.map((g) => <Group key={g.signature} group={g} rowOf={rowOf} onOpen={onOpen} />)}
            {list.error && <ErrorNote error={list.error} retry={list.more} />}
            {list.hasMore && !list.error && <div class="more"><Button busy={list.loading} onClick={list.more}>Show more</Button></div>}
        </div>
    );
}
