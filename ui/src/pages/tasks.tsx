/** The project's tasks, as they go on. */
import { Task, ended, listTasks } from '../catalogue';
import { Badge, Button, EmptyState, ErrorNote, Field, Loading, Progress, Time } from '../components/basic';
import { Column, Table } from '../components/table';
import { ago, bytes, count, percent } from '../format';
import { useTitle } from '../hooks';
import { useKeptState } from '../kept';
import { useLive } from '../live';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';

/** How far a task is: bytes where they are known, on its way where they are not. */
export function TaskProgress({ task }: { task: Task }) {
    if (ended(task)) return null;
    if (task.status === 'pending') return <span class="quiet small nowrap">waits for a worker</span>;
    const { bytes_done: done = 0, bytes_total: total = null, attempt = 1 } = task.progress ?? {};
    return (
        <div class="task-progress">
            <Progress value={total ? done : null} max={total} label={`Progress of the ${task.type}`} />
            <span class="small quiet num">
                {total ? `${bytes(done)} of ${bytes(total)}, ${percent(done, total)}` : bytes(done)}
                {attempt > 1 && `, attempt ${attempt}`}
            </span>
        </div>
    );
}

const columns: Column<Task>[] = [
    { head: 'Task', kind: 'main', cell: (t) => <span class="row"><a href={href(`/tasks/${t.id}`)}>{t.type}</a> <span class="quiet small mono">{t.id}</span></span> },
    { head: 'State', kind: 'shrink', cell: (t) => <Badge>{t.status}</Badge> },
    {
        head: 'Progress', cell: (t) => (t.status === 'failure' && t.message ? <bdi class="small">{t.message}</bdi>
            : ended(t) ? <span class="quiet small">ended</span> : <TaskProgress task={t} />),
    },
    { head: 'Made', kind: 'num', cell: (t) => <Time iso={t.created_at} format={ago} /> },
];

export function TaskTable({ tasks }: { tasks: Task[] }) {
    return <Table label="Tasks" columns={columns} items={tasks} id={(t) => t.id} />;
}

const PAGE = 50;

export function Tasks({ query }: PageProps) {
    useTitle('Tasks');
    const [limit, setLimit] = useKeptState('limit', PAGE);
    const type = query.get('type') ?? '';
    const status = query.get('status') ?? '';
    const { data, error, reload } = useLive(
        (signal) => listTasks({ type, status }, limit, signal), (d) => d.tasks.some((t) => !ended(t)), [type, status, limit]);
    const select = (name: string, words: string[]) => (
        <select id={name} value={query.get(name) ?? ''} onChange={(e) => {
            setLimit(PAGE);
            navigate(href('/tasks', { type, status, [name]: e.currentTarget.value }), true);
        }}>
            <option value="">All</option>
            {words.map((w) => <option key={w}>{w}</option>)}
        </select>
    );
    return (
        <>
            <div class="page-head">
                <h1>Tasks</h1>
                <div class="actions"><a class="button button-primary" href={href('/tasks/new')}>New task</a></div>
            </div>
            <div class="card filters">
                <Field id="type" label="Type">{select('type', ['import', 'export', 'clone'])}</Field>
                <Field id="status" label="State">{select('status', ['pending', 'processing', 'success', 'failure'])}</Field>
            </div>
            {error && <ErrorNote error={error} retry={reload} />}
            {!data && !error && <Loading lines={8} />}
            {data && data.tasks.length > 0 && <TaskTable tasks={data.tasks} />}
            {data?.more && <div class="more"><Button onClick={() => setLimit(limit + PAGE)}>Show more</Button></div>}
            {data?.full && <p class="quiet small">These are the newest {count(data.tasks.length)} tasks; a type or a state leaves others.</p>}
            {data?.tasks.length === 0 && (type || status ? (
                <EmptyState title="No tasks match" action={<Button onClick={() => navigate(href('/tasks'))}>Clear the filters</Button>} />
            ) : (
                <EmptyState title="No tasks" action={<a class="button button-primary" href={href('/tasks/new')}>New task</a>}>
                    <p>A task imports an image from a container of yours, exports one into a container, or clones one. Those that have ended expire.</p>
                </EmptyState>
            ))}
        </>
    );
}
