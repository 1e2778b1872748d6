/** Where the run's time went: the slowest fifty tests. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { Badge, EmptyState } from '../components/basic';
import { TestName } from '../components/test-name';
import { duration, percent } from '../format';
import type { Row, RunRows } from '../run-rows';

const SHOWN = 50;

function Bar({ share }: { share: number }) {
    const ref = useRef<HTMLSpanElement>(null);
    useEffect(() => {
        if (ref.current) ref.current.style.width = `${share * 100}%`;
    }, [share]);
    return <span class="slow-bar" aria-hidden="true"><span ref={ref} /></span>;
}

export function Slowest({ data, onOpen }: { data: RunRows; onOpen: (id: number) => void }) {
    const { rows, total } = useMemo(() => {
        const timed = data.rows.filter((r): r is Row & { seconds: number } => r.seconds !== null && r.seconds > 0);
        return {
            rows: timed.sort((a, b) => b.seconds - a.seconds).slice(0, SHOWN),
            total: timed.reduce((n, r) => n + r.seconds, 0),
        };
    }, [data.version]);
    const longest = rows[0]?.seconds ?? 0;
    if (rows.length === 0) {
        return <EmptyState title="No times"><p>The stream says of no test when it began and ended.</p></EmptyState>;
    }
    return (
        <>
            <p class="quiet small">The first {rows.length} took {percent(rows.reduce((n, r) => n + r.seconds, 0), total)} of the time in tests.</p>
            <ol class="card slow-list">
                {rows.map((r) => (
                    <li key={r.id}>
                        <button type="button" class="test-button" onClick={() => onOpen(r.id)}>
                            <span class="slow-time num">{duration(r.seconds)}</span>
                            <Bar share={r.seconds / longest} />
                            <Badge>{r.status}</Badge>
                            <TestName name={r.name} />
                        </button>
                    </li>
                ))}
            </ol>
        </>
    );
}
