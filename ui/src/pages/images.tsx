/** Images: the project's, and what others let it use. */
import { Badge, Button, Bytes, EmptyState, Field, Text, Time, describedBy } from '../components/basic';
import { Column, PagedTable } from '../components/table';
import { Image, listImages } from '../catalogue';
import { ago } from '../format';
import { useList, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';

export function ImageName({ image }: { image: Image }) {
    return image.name ? <Text>{image.name}</Text> : <span class="mono">{image.id}</span>;
}

const columns: Column<Image>[] = [
    { head: 'Name', kind: 'main', cell: (i) => <a href={href(`/images/${i.id}`)}><ImageName image={i} /></a> },
    { head: 'State', kind: 'shrink', cell: (i) => <Badge>{i.status}</Badge> },
    { head: 'Visibility', cell: (i) => i.visibility },
    { head: 'Format', cell: (i) => i.disk_format ?? <span class="quiet">none</span> },
    { head: 'Size', kind: 'num', cell: (i) => <Bytes n={i.size} /> },
    { head: 'Made', kind: 'num', cell: (i) => <Time iso={i.created_at} format={ago} /> },
];

/** The choices of 'Shown', as the API says them. */
const SHOWN: Record<string, Record<string, string>> = {
    private: { visibility: 'private' }, shared: { visibility: 'shared' }, community: { visibility: 'community' },
    public: { visibility: 'public' }, offered: { visibility: 'shared', member_status: 'pending' },
};

function apiQuery(query: URLSearchParams): string {
    const params = new URLSearchParams({ limit: '50' });
    for (const name of ['name', 'status', 'tag']) {
        const value = query.get(name);
        if (value) params.set(name, value);
    }
    for (const [name, value] of Object.entries(SHOWN[query.get('shown') ?? ''] ?? {})) params.set(name, value);
    return params.toString();
}

function Filters({ query }: { query: URLSearchParams }) {
    const field = (name: string) => ({
        value: query.get(name) ?? '',
        onChange: (e: Event) => {
            const next = new URLSearchParams(query);
            const value = (e.currentTarget as HTMLInputElement).value;
            if (value) next.set(name, value);
            else next.delete(name);
            navigate(href('/images', next), true);
        },
    });
    return (
        <div class="card filters">
            <div class="filter-wide"><Field id="name" label="Name" hint="The whole name."><input id="name" type="search" {...describedBy('name', true)} {...field('name')} /></Field></div>
            <Field id="tag" label="Tag"><input id="tag" type="search" {...field('tag')} /></Field>
            <Field id="status" label="State">
                <select id="status" {...field('status')}>
                    <option value="">All</option>
                    {['active', 'queued', 'saving', 'deactivated'].map((s) => <option key={s}>{s}</option>)}
                </select>
            </Field>
            <Field id="shown" label="Shown">
                <select id="shown" {...field('shown')}>
                    <option value="">What the project uses</option>
                    <option value="private">private</option>
                    <option value="shared">shared</option>
                    <option value="community">community</option>
                    <option value="public">public</option>
                    <option value="offered">Offered, not yet accepted</option>
                </select>
            </Field>
        </div>
    );
}

export function Images({ query }: PageProps) {
    useTitle('Images');
    const key = apiQuery(query);
    const list = useList<Image>((marker, signal) => listImages(new URLSearchParams(key), marker, signal), [key]);
    return (
        <>
            <div class="page-head">
                <h1>Images</h1>
                <div class="actions"><a class="button button-primary" href={href('/tasks/new', { type: 'import' })}>Import</a></div>
            </div>
            <Filters query={query} />
            <PagedTable label="Images" list={list} columns={columns} id={(i) => i.id} empty={[...query].length > 0 ? (
                <EmptyState title="No images match" action={<Button onClick={() => navigate(href('/images'))}>Clear the filters</Button>}>
                    <p>Names and tags are compared as a whole, letter by letter.</p>
                </EmptyState>
            ) : (
                <EmptyState title="No images yet" action={<a class="button button-primary" href={href('/tasks/new', { type: 'import' })}>Import one</a>}>
                    <p>Import one from a container of your object store, or upload it with <code>openstack image create</code>.</p>
                </EmptyState>
            )} />
        </>
    );
}
