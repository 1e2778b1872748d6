/** One image: what it is, who may use it, and its tasks. */
import { ComponentChildren } from 'preact';
import { download, seg } from '../api';
import { useChange, useErrand } from '../change';
import { Image as ImageData, changeImage, getImage, listImageTasks, listMembers, propertiesOf, send } from '../catalogue';
import { Badge, Button, Bytes, ErrorNote, Facts, Field, Loading, Problem, Text, Time, describedBy } from '../components/basic';
import { Deleting } from '../components/deleting';
import { Column, Table } from '../components/table';
import { toast } from '../components/toast';
import { useDraft } from '../drafts';
import { ago, dateTime, plural } from '../format';
import { useResource, useTitle } from '../hooks';
import { href } from '../router';
import type { PageProps } from '../routes';
import { useSession } from '../session';
import { TaskTable } from './tasks';

/** More than this goes through a terminal: a browser keeps a download that needs a token in its own store first. */
const DOWNLOAD_MAX = 2 * 1024 * 1024 * 1024;
const VISIBILITIES = ['private', 'shared', 'community', 'public'];

interface PartProps {
    image: ImageData;
    changed: () => void;
}

function Saving({ image }: { image: ImageData }) {
    const { busy, run } = useErrand();
    if (image.status !== 'active' || image.size === null) return null;
    const save = () => {
        if ((image.size ?? 0) > DOWNLOAD_MAX) toast(`It is large: openstack image save --file FILE ${image.id}`, true);
        else void run('save', () => download(`/v2/images/${seg(image.id)}/file`, `${image.id}.${image.disk_format ?? 'img'}`));
    };
    return <Button busy={busy !== ''} onClick={save}>Download</Button>;
}

function Tags({ image, changed, mine }: PartProps & { mine: boolean }) {
    const [text, setText] = useDraft(`tag ${image.id}`, '');
    const { busy, error, change } = useChange(changed);
    // A tag with a slash stands in no path: for it the whole list is written.
    const write = (tag: string, there: boolean): Promise<unknown> => {
        if (!tag.includes('/')) return send(there ? 'PUT' : 'DELETE', `/v2/images/${seg(image.id)}/tags/${seg(tag)}`);
        const others = image.tags.filter((t) => t !== tag);
        return changeImage(image.id, [{ op: 'replace', path: '/tags', value: there ? [...others, tag] : others }]);
    };
    const add = async (e: Event) => {
        e.preventDefault();
        const tag = text.trim();
        if (tag && await change(() => write(tag, true), 'The tag is added.')) setText('');
    };
    return (
        <section class="card stack">
            <h2>Tags</h2>
            {image.tags.length === 0 && <p class="quiet">None.</p>}
            {image.tags.length > 0 && (
                <ul class="chips" aria-label="Tags">
                    {image.tags.map((tag) => (
                        <li key={tag} class="tag">
                            <Text>{tag}</Text>
                            {mine && (
                                <Button kind="quiet" class="icon-button" disabled={busy} aria-label={`Remove the tag ${tag}`}
                                    onClick={() => void change(() => write(tag, false), 'The tag is removed.')}>✕</Button>
                            )}
                        </li>
                    ))}
                </ul>
            )}
            {mine && (
                <form class="inline-form" onSubmit={add}>
                    <Field id="new-tag" label="Another tag" error={error}>
                        <input id="new-tag" {...describedBy('new-tag', false, error)} value={text} onInput={(e) => setText(e.currentTarget.value)} />
                    </Field>
                    <Button type="submit" busy={busy}>Add</Button>
                </form>
            )}
        </section>
    );
}

const WORDS: Record<string, string> = {
    private: 'Only the project uses it.', shared: 'The project uses it, and the members below once they have accepted it.',
    community: 'Every project may use it; it is not in their lists.', public: 'Every project uses it and has it in its lists.',
};

function Visibility({ image, changed }: PartProps) {
    const { busy, error, change } = useChange(changed);
    const set = (value: string) => change(
        () => changeImage(image.id, [{ op: 'replace', path: '/visibility', value }]), `The image is ${value}.`);
    return (
        <section class="card stack">
            <h2>Who may use it</h2>
            <Field id="visibility" label="Visibility" error={error} hint={WORDS[image.visibility]}>
                <select id="visibility" {...describedBy('visibility', true, error)} disabled={busy} value={image.visibility}
                    onChange={(e) => {
                        const select = e.currentTarget;
                        // What was refused does not stay chosen.
                        void set(select.value).then((ok) => { if (!ok) select.value = image.visibility; });
                    }}>
                    {VISIBILITIES.map((v) => <option key={v}>{v}</option>)}
                </select>
            </Field>
        </section>
    );
}

function Members({ image, mine }: { image: ImageData; mine: boolean }) {
    const members = useResource((signal) => listMembers(image.id, signal), [image.id]);
    const { busy, error, change } = useChange(members.reload);
    const [text, setText] = useDraft(`member ${image.id}`, '');
    const path = (member: string) => `/v2/images/${seg(image.id)}/members/${seg(member)}`;
    const add = async (e: Event) => {
        e.preventDefault();
        const member = text.trim();
        if (await change(() => send('POST', `/v2/images/${seg(image.id)}/members`, { member }), 'The project is a member.')) setText('');
    };
    const columns: Column<{ member_id: string; status: string; created_at: string }>[] = [
        { head: 'Project', kind: 'main', cell: (m) => <span class="mono"><Text>{m.member_id}</Text></span> },
        { head: 'State', kind: 'shrink', cell: (m) => <Badge tone={m.status === 'accepted' ? 'good' : m.status === 'rejected' ? 'bad' : 'muted'}>{m.status}</Badge> },
        { head: 'Since', kind: 'num', cell: (m) => <Time iso={m.created_at} format={ago} /> },
        {
            head: 'Change', hideHead: true, kind: 'shrink',
            cell: (m) => (mine ? (
                <Button kind="danger" disabled={busy} aria-label={`Remove the member ${m.member_id}`}
                    onClick={() => void change(() => send('DELETE', path(m.member_id)), 'The project is no longer a member.')}>Remove</Button>
            ) : (
                <span class="row">
                    {['accepted', 'rejected'].filter((s) => s !== m.status).map((s) => (
                        <Button key={s} disabled={busy} onClick={() => void change(() => send('PUT', path(m.member_id), { status: s }), `The image is ${s}.`)}>
                            {s === 'accepted' ? 'Accept' : 'Reject'}
                        </Button>
                    ))}
                </span>
            )),
        },
    ];
    return (
        <section class="section stack">
            <h2>Members</h2>
            {members.error && <ErrorNote error={members.error} retry={members.reload} />}
            {!members.data && members.loading && <Loading lines={2} />}
            {members.data?.length === 0 && <p class="quiet">No other project is a member.</p>}
            {members.data && members.data.length > 0 && <Table label="Members" columns={columns} items={members.data} id={(m) => m.member_id} />}
            {mine ? (
                <form class="inline-form" onSubmit={add}>
                    <Field id="new-member" label="Another project" error={error} hint="Its id. It is asked whether it accepts the image.">
                        <input id="new-member" spellcheck={false} {...describedBy('new-member', true, error)} value={text} onInput={(e) => setText(e.currentTarget.value)} />
                    </Field>
                    <Button type="submit" busy={busy}>Add</Button>
                </form>
            ) : <Problem>{error}</Problem>}
        </section>
    );
}

function Tasks({ id }: { id: string }) {
    const tasks = useResource((signal) => listImageTasks(id, signal), [id]);
    return (
        <section class="section stack">
            <h2>Tasks</h2>
            {tasks.error && <ErrorNote error={tasks.error} retry={tasks.reload} />}
            {!tasks.data && tasks.loading && <Loading lines={2} />}
            {tasks.data?.length === 0 && <p class="quiet">No task has touched it, or they have expired.</p>}
            {tasks.data && tasks.data.length > 0 && <TaskTable tasks={tasks.data} />}
        </section>
    );
}

function Properties({ image }: { image: ImageData }) {
    const properties = propertiesOf(image);
    if (properties.length === 0) return null;
    return (
        <section class="section">
            <h2>{plural(properties.length, 'property', 'properties')}</h2>
            <dl class="card pairs">
                {properties.map(([name, value]) => <div key={name}><dt><Text>{name}</Text></dt><dd><Text>{value}</Text></dd></div>)}
            </dl>
        </section>
    );
}

export function Image({ params }: PageProps) {
    const id = params.id ?? '';
    const session = useSession();
    const { data: image, error, reload } = useResource((signal) => getImage(id, signal), [id]);
    useTitle(image ? image.name || 'Image' : 'Image');
    if (!image) {
        if (!error) return <Loading lines={8} label="Loading the image" />;
        return <ErrorNote error={error} {...(error.status === 404 ? {} : { retry: reload })} />;
    }
    // With a pasted token nobody knows the project: the server then says what may not be.
    const mine = !session?.projectId || session.projectId === image.owner || session.isStaff;
    const usable = image.status === 'active';
    const facts: [string, ComponentChildren][] = [
        ['State', <Badge>{image.status}</Badge>],
        ['Format', `${image.disk_format ?? 'none'} in ${image.container_format ?? 'none'}`],
        ['Size', <Bytes n={image.size} />],
        ['Virtual size', <Bytes n={image.virtual_size} />],
        ['Least disk', `${image.min_disk} GB`],
        ['Least memory', `${image.min_ram} MB`],
        ['Protected', image.protected ? 'yes' : 'no'],
        ['Visibility', image.visibility],
        ['Made', <Time iso={image.created_at} format={dateTime} />],
        ['Changed', <Time iso={image.updated_at} format={dateTime} />],
        ['Owner', <span class="mono">{image.owner}</span>],
        ...(image.checksum ? [['MD5', <span class="mono">{image.checksum}</span>] as [string, ComponentChildren]] : []),
        ...(image.os_hash_value ? [[image.os_hash_algo ?? 'Hash', <span class="mono">{image.os_hash_value}</span>] as [string, ComponentChildren]] : []),
    ];
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/images')}>Images</a></p>
                    <h1 class="long-name">{image.name ? <Text>{image.name}</Text> : 'Image without a name'}</h1>
                    <p class="quiet small mono">{image.id}</p>
                </div>
                <div class="actions">
                    <Saving image={image} />
                    {usable && mine && <a class="button button-plain" href={href('/tasks/new', { type: 'export', image: image.id })}>Export</a>}
                    {usable && <a class="button button-plain" href={href('/tasks/new', { type: 'clone', image: image.id })}>Clone</a>}
                    {mine && (
                        <Deleting what="image" path={`/v2/images/${seg(image.id)}`} list="/images">
                            <p>Its bytes and its properties are removed for good. Copies that were exported or cloned stay.</p>
                        </Deleting>
                    )}
                </div>
            </div>
            {error && <ErrorNote error={error} retry={reload} />}
            <section class="card" aria-label="Summary"><Facts items={facts} /></section>
            <div class="card-grid">
                {mine && <Visibility image={image} changed={reload} />}
                <Tags image={image} changed={reload} mine={mine} />
            </div>
            {image.visibility === 'shared' && <Members image={image} mine={mine} />}
            <Properties image={image} />
            <Tasks id={image.id} />
        </>
    );
}
