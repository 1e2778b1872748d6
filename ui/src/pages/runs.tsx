/** The runs that the caller may see, newest first. */
import { CountsBar, EmptyState, Time } from '../components/basic';
import { Column, PagedTable } from '../components/table';
import { Run, listRuns } from '../evidence';
import { ago, count, duration } from '../format';
import { useList, useTitle } from '../hooks';

const columns: Column<Run>[] = [
    { head: 'Run', kind: 'main', cell: (r) => <Time iso={r.run_at} format={ago} /> },
    { head: 'Outcome', cell: (r) => <CountsBar {...r} /> },
    { head: 'Failed', kind: 'num', cell: (r) => count(r.fails) },
    { head: 'Passed', kind: 'num', cell: (r) => count(r.passes) },
    { head: 'Skipped', kind: 'num', cell: (r) => count(r.skips) },
    { head: 'Time', kind: 'num', cell: (r) => duration(r.run_time) },
];

export function Runs() {
    useTitle('Runs');
    const list = useList<Run>((marker, signal) => listRuns(new URLSearchParams({ limit: '50' }), marker, signal), []);
    return (
        <>
            <div class="page-head"><h1>Runs</h1></div>
            <PagedTable label="Runs" list={list} columns={columns} id={(r) => r.uuid} empty={
                <EmptyState title="No runs yet">
                    <p>A run is what one execution of a test suite left: a subunit stream, as stestr and Tempest write it.</p>
                </EmptyState>
            } />
        </>
    );
}
