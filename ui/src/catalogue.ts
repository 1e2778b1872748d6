/** The shapes of /v2's answers about images and tasks, and the requests for them. */
import { getJson, markerOf, request, seg } from './api';
import type { Page } from './hooks';

export interface Image {
    id: string;
    name: string | null;
    status: string;
    visibility: string;
    owner: string;
    size: number | null;
    virtual_size: number | null;
    disk_format: string | null;
    container_format: string | null;
    checksum: string | null;
    os_hash_algo: string | null;
    os_hash_value: string | null;
    min_disk: number;
    min_ram: number;
    protected: boolean;
    os_hidden: boolean;
    tags: string[];
    created_at: string;
    updated_at: string;
    [property: string]: unknown;
}

export interface Member {
    member_id: string;
    status: string;
    created_at: string;
}

export interface Progress {
    bytes_done: number;
    bytes_total: number | null;
    attempt: number;
}

export interface Task {
    id: string;
    type: string;
    status: string;
    owner: string;
    created_at: string;
    updated_at: string;
    expires_at?: string;
    /** What follows is not in lists. */
    input?: Record<string, unknown> | null;
    result?: Record<string, unknown> | null;
    message?: string;
    image_id?: string;
    progress?: Progress;
}

/** What an image has besides properties that somebody made up. */
const MEMBERS = new Set([
    'id', 'name', 'status', 'visibility', 'owner', 'size', 'virtual_size', 'disk_format', 'container_format', 'checksum',
    'os_hash_algo', 'os_hash_value', 'min_disk', 'min_ram', 'protected', 'os_hidden', 'tags', 'created_at', 'updated_at',
    'self', 'file', 'schema', 'locations', 'direct_url', 'stores', 'owner_specified',
]);

export function propertiesOf(image: Image): [string, string][] {
    return Object.entries(image)
        .filter(([name]) => !MEMBERS.has(name))
        .map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)])
        .sort(([a], [b]) => (a < b ? -1 : 1));
}

export async function listImages(query: URLSearchParams, marker: string | null, signal: AbortSignal): Promise<Page<Image>> {
    const params = new URLSearchParams(query);
    if (marker) params.set('marker', marker);
    const answer = await getJson<{ images: Image[]; next?: string }>('/v2/images', { query: params, signal });
    return { items: answer.images, next: markerOf(answer.next) };
}

export async function getImage(id: string, signal?: AbortSignal): Promise<Image> {
    return getJson<Image>(`/v2/images/${seg(id)}`, { signal });
}

type Change = { op: 'add' | 'replace' | 'remove'; path: string; value?: unknown };

export async function changeImage(id: string, changes: Change[]): Promise<Image> {
    return getJson<Image>(`/v2/images/${seg(id)}`, {
        method: 'PATCH', json: changes, headers: { 'Content-Type': 'application/openstack-images-v2.1-json-patch' },
    });
}

export async function listMembers(id: string, signal: AbortSignal): Promise<Member[]> {
    return (await getJson<{ members: Member[] }>(`/v2/images/${seg(id)}/members`, { signal })).members;
}

export async function listImageTasks(id: string, signal: AbortSignal): Promise<Task[]> {
    return (await getJson<{ tasks: Task[] }>(`/v2/images/${seg(id)}/tasks`, { signal })).tasks;
}

export async function getTask(id: string, signal: AbortSignal): Promise<Task> {
    return getJson<Task>(`/v2/tasks/${seg(id)}`, { signal });
}

export async function createTask(type: string, input: object): Promise<Task> {
    return getJson<Task>('/v2/tasks', { method: 'POST', json: { type, input } });
}

export function ended(task: Task): boolean {
    return task.status === 'success' || task.status === 'failure';
}

export interface TaskList {
    tasks: Task[];
    more: boolean;
    /** There are more, and the server gives no more at once. */
    full: boolean;
}

/** The newest LIMIT tasks; those that are being worked on come with how far they are. */
export async function listTasks(query: Record<string, string>, limit: number, signal: AbortSignal): Promise<TaskList> {
    const answer = await getJson<{ tasks: Task[]; next?: string }>('/v2/tasks', { query: { ...query, limit }, signal });
    const going = answer.tasks.filter((t) => t.status === 'processing').slice(0, 10);
    // One may be gone meanwhile, or done: the list's own word then stands.
    const details = await Promise.all(going.map((t) => getTask(t.id, signal).catch(() => t)));
    const tasks = answer.tasks.map((t) => details.find((d) => d.id === t.id) ?? t);
    const full = tasks.length < limit;
    return { tasks, more: !!answer.next && !full, full: !!answer.next && full };
}

interface Schema {
    properties: Record<string, { enum?: (string | null)[]; description?: string }>;
}

export interface TaskChoices {
    types: string[];
    formats: string[];
    visibilities: string[];
}

/** What the server's schemas allow in a task. */
export async function getTaskChoices(signal: AbortSignal): Promise<TaskChoices> {
    const [task, image] = await Promise.all(
        ['task', 'image'].map((name) => getJson<Schema>(`/v2/schemas/${name}`, { signal })),
    );
    const words = (schema: Schema | undefined, name: string) =>
        (schema?.properties[name]?.enum ?? []).filter((x): x is string => typeof x === 'string');
    return { types: words(task, 'type'), formats: words(image, 'disk_format'), visibilities: words(image, 'visibility') };
}

/** A change that answers with nothing of interest. */
export async function send(method: string, path: string, json?: unknown): Promise<void> {
    await request(path, json === undefined ? { method } : { method, json });
}
