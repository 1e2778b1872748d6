/** Every test of a run in one list that scrolls, filtered as one types. */
import { useMemo, useState } from 'preact/hooks';
import { Badge, Button, EmptyState } from '../components/basic';
import { TestName } from '../components/test-name';
import { VirtualList } from '../components/virtual';
import { failed } from '../evidence';
import { count, duration, plural } from '../format';
import type { Row, RunRows } from '../run-rows';

interface Wanted {
    words: string[];
    status: string;
    least: number | null;
    sort: string;
}

const ORDERS: Record<string, (a: Row, b: Row) => number> = {
    slowest: (a, b) => (b.seconds ?? -1) - (a.seconds ?? -1),
    name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
};

/** Failures stand before the rest of the same order. */
export function select(rows: Row[], wanted: Wanted): Row[] {
    const found = rows.filter((r) => {
        if (wanted.status === 'failed' ? !failed(r.status) : wanted.status !== '' && r.status !== wanted.status) return false;
        if (wanted.least !== null && !((r.seconds ?? -1) >= wanted.least)) return false;
        if (wanted.words.length === 0) return true;
        const name = r.name.toLowerCase();
        return wanted.words.every((word) => name.includes(word));
    });
    const order = ORDERS[wanted.sort];
    return order ? found.sort(order) : found;
}

function TestRow({ row }: { row: Row }) {
    return (
        <>
            <span class="test-status"><Badge>{row.status}</Badge></span>
            <TestName name={row.name} />
            {row.worker && <span class="test-worker quiet small">{row.worker}</span>}
            <span class="test-time num">{duration(row.seconds)}</span>
        </>
    );
}

export function Tests({ data, query, selected, onOpen, onFilter }: {
    data: RunRows;
    query: URLSearchParams;
    selected: number | null;
    onOpen: (id: number) => void;
    onFilter: (more: Record<string, string | null>) => void;
}) {
    // The field follows the keys at once; the address, which a link is made of, follows the field.
    const [text, setText] = useState(query.get('q') ?? '');
    const [least, setLeast] = useState(query.get('least') ?? '');
    const status = query.get('status') ?? '';
    const sort = query.get('sort') ?? '';
    const statuses = useMemo(() => {
        const counts = new Map<string, number>();
        for (const r of data.rows) counts.set(r.status, (counts.get(r.status) ?? 0) + 1);
        return [...counts].sort((a, b) => b[1] - a[1]);
    }, [data.version]);
    const rows = useMemo(() => {
        const seconds = Number.parseFloat(least.replace(',', '.'));
        return select(data.rows, {
            words: text.toLowerCase().split(/\s+/).filter(Boolean), status, sort, least: Number.isNaN(seconds) ? null : seconds,
        });
    }, [data.version, text, least, status, sort]);
    const clear = () => {
        setText('');
        setLeast('');
        onFilter({ q: null, least: null, status: null, sort: null });
    };
    if (data.done && data.rows.length === 0) return <EmptyState title="No tests"><p>The stream names none.</p></EmptyState>;
    return (
        <div class="tests">
            <div class="tests-filters" role="search" aria-label="Tests">
                <input id="q" type="search" placeholder="Search names" aria-label="Search names" value={text}
                    onInput={(e) => { setText(e.currentTarget.value); onFilter({ q: e.currentTarget.value || null }); }} />
                <select aria-label="Status" value={status} onChange={(e) => onFilter({ status: e.currentTarget.value || null })}>
                    <option value="">Any status</option>
                    <option value="failed">failed ({count(statuses.reduce((n, [s, c]) => n + (failed(s) ? c : 0), 0))})</option>
                    {statuses.map(([s, n]) => <option key={s} value={s}>{s} ({count(n)})</option>)}
                </select>
                <input id="least" type="text" inputMode="decimal" placeholder="Seconds, at least" aria-label="Seconds, at least" value={least}
                    onInput={(e) => { setLeast(e.currentTarget.value); onFilter({ least: e.currentTarget.value || null }); }} />
                <select aria-label="Order" value={sort} onChange={(e) => onFilter({ sort: e.currentTarget.value || null })}>
                    <option value="">As they ran</option>
                    <option value="slowest">Slowest first</option>
                    <option value="name">By name</option>
                </select>
            </div>
            <p class="quiet small" role="status">{plural(rows.length, 'test')}{rows.length < data.rows.length && ` of ${count(data.rows.length)}`}</p>
            {rows.length === 0 && data.rows.length > 0 ? (
                <EmptyState title="No test matches" action={<Button onClick={clear}>Clear the filters</Button>} />
            ) : (
                <VirtualList key={[text, least, status, sort].join('\n')} count={rows.length} rowHeight={36} height="max(18rem, calc(100vh - 16rem))" label="Tests of the run"
                    selected={selected === null ? null : rows.findIndex((r) => r.id === selected)}
                    row={(i) => { const r = rows[i]; return r ? <TestRow row={r} /> : null; }}
                    onOpen={(i) => { const r = rows[i]; if (r) onOpen(r.id); }} />
            )}
        </div>
    );
}
