/** One task: how far it is, and what became of it. */
import { useRef } from 'preact/hooks';
import { Task as TaskData, ended, getTask } from '../catalogue';
import { Badge, ErrorNote, Facts, Loading, Note, Text, Time } from '../components/basic';
import { bytes, dateTime } from '../format';
import { useTitle } from '../hooks';
import { useLive } from '../live';
import { href } from '../router';
import type { PageProps } from '../routes';
import { TaskProgress } from './tasks';

/** Bytes a second between what came last and what comes now. */
function useRate(task: TaskData | null): number | null {
    const last = useRef<{ at: number; done: number; rate: number | null }>({ at: 0, done: -1, rate: null });
    const done = task?.progress?.bytes_done;
    if (done === undefined) return null;
    const now = performance.now();
    if (done !== last.current.done) {
        const passed = (now - last.current.at) / 1000;
        const grown = done - last.current.done;
        last.current = { at: now, done, rate: last.current.done >= 0 && grown > 0 && passed > 0 ? grown / passed : null };
    }
    return last.current.rate;
}

/** Values of an input or a result, one a line; what is nested is shown with its own names. */
function Pairs({ values }: { values: Record<string, unknown> }) {
    const flat = Object.entries(values).flatMap(([name, value]): [string, unknown][] =>
        (value !== null && typeof value === 'object' && !Array.isArray(value)
            ? Object.entries(value).map(([inner, v]): [string, unknown] => [`${name}: ${inner}`, v]) : [[name, value]]));
    if (flat.length === 0) return <p class="quiet">Nothing.</p>;
    return (
        <dl class="card pairs">
            {flat.map(([name, value]) => (
                <div key={name}>
                    <dt><Text>{name}</Text></dt>
                    <dd>{name === 'image_id' && typeof value === 'string' ? <a href={href(`/images/${value}`)}>{value}</a>
                        : <Text>{typeof value === 'string' ? value : JSON.stringify(value)}</Text>}</dd>
                </div>
            ))}
        </dl>
    );
}

export function Task({ params }: PageProps) {
    const id = params.id ?? '';
    const { data: task, error, reload } = useLive((signal) => getTask(id, signal), (t) => !ended(t), [id]);
    const rate = useRate(task);
    useTitle(task ? `${task.type}: ${task.status}` : 'Task');
    if (!task) {
        if (!error) return <Loading lines={6} label="Loading the task" />;
        return <ErrorNote error={error} {...(error.status === 404 ? {} : { retry: reload })} />;
    }
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/tasks')}>Tasks</a></p>
                    <h1>{{ import: 'Import', export: 'Export', clone: 'Clone' }[task.type] ?? task.type}</h1>
                    <p class="quiet small mono">{task.id}</p>
                </div>
            </div>
            {error && <ErrorNote error={error} retry={reload} />}
            <section class="card stack" aria-label="Summary">
                <Facts items={[
                    ['State', <span role="status"><Badge>{task.status}</Badge></span>],
                    ['Made', <Time iso={task.created_at} format={dateTime} />],
                    ['Changed', <Time iso={task.updated_at} format={dateTime} />],
                    ...(task.expires_at ? [['Expires', <Time iso={task.expires_at} format={dateTime} />] as [string, preact.JSX.Element]] : []),
                    ...(rate ? [['Rate', <span class="num">{bytes(Math.round(rate))}/s</span>] as [string, preact.JSX.Element]] : []),
                    ...(task.image_id ? [['Image', <a href={href(`/images/${task.image_id}`)}>{task.image_id}</a>] as [string, preact.JSX.Element]] : []),
                ]} />
                <TaskProgress task={task} />
            </section>
            {task.status === 'failure' && <Note tone="bad"><p><Text>{task.message ?? ''}</Text></p></Note>}
            {task.result && <section class="section"><h2>Result</h2><Pairs values={task.result} /></section>}
            {task.input && <section class="section"><h2>Input</h2><Pairs values={task.input} /></section>}
        </>
    );
}
