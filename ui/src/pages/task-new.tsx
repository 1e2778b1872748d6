/** A new task: its fields follow its type, and what the server refuses stands beside the field that it speaks of. */
import { useState } from 'preact/hooks';
import { ApiError } from '../api';
import { Image, TaskChoices, createTask, getTaskChoices, listImages } from '../catalogue';
import { Button, ErrorNote, Field, Loading, Text, describedBy } from '../components/basic';
import { toast } from '../components/toast';
import { useDraft } from '../drafts';
import { asError, useResource, useTitle } from '../hooks';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';

const TITLES: Record<string, string> = { import: 'Import an image', export: 'Export an image', clone: 'Clone an image' };
const ACTIONS: Record<string, string> = { import: 'Import', export: 'Export', clone: 'Clone' };

type Values = Record<string, string>;

/** The members of the input that the server's message speaks of. */
function fieldsOf(message: string, names: string[]): string[] {
    const quoted = names.filter((n) => message.includes(`"${n}"`));
    return quoted.length > 0 ? quoted : names.filter((n) => new RegExp(`\\b${n}\\b`).test(message)).slice(0, 1);
}

/** 'key=value' lines; a line without '=' is a property without a value. */
function readLines(text: string): [string, string][] {
    return text.split('\n').map((l) => l.trim()).filter(Boolean).map((line): [string, string] => {
        const cut = line.indexOf('=');
        return cut < 0 ? [line, ''] : [line.slice(0, cut).trim(), line.slice(cut + 1).trim()];
    });
}

/** What is no number goes as it is: the server says what it thinks of it. */
function numeral(text: string): number | string {
    return /^\d+$/.test(text) ? Number(text) : text;
}

function imageProperties(v: Values): Record<string, unknown> {
    const out: Record<string, unknown> = Object.fromEntries(readLines(v.properties ?? ''));
    for (const name of ['name', 'visibility']) if (v[name]) out[name] = v[name];
    for (const name of ['min_disk', 'min_ram']) if (v[name]) out[name] = numeral(v[name] ?? '');
    const tags = (v.tags ?? '').split(',').map((t) => t.trim()).filter(Boolean);
    if (tags.length > 0) out.tags = tags;
    return out;
}

function inputOf(type: string, v: Values): object {
    const take = (...names: string[]) => Object.fromEntries(names.filter((n) => v[n]).map((n) => [n, (v[n] ?? '').trim()]));
    if (type === 'export') return take('image_id', 'export_to', 'export_format');
    const properties = imageProperties(v);
    if (type === 'clone') return { ...take('image_id'), ...(Object.keys(properties).length > 0 ? { image_properties: properties } : {}) };
    return { ...take('import_from', 'import_from_format'), image_properties: properties };
}

const NAMES = ['import_from', 'import_from_format', 'image_id', 'export_to', 'export_format', 'min_disk', 'min_ram', 'visibility', 'tags', 'name'];

/** Images to choose from by name; any other id may be typed. */
function ImageChoice({ value, images, error, set }: {
    value: string; images: Image[]; error: string | null; set: (value: string) => void;
}) {
    const chosen = images.find((i) => i.id === value.trim());
    return (
        <Field id="image_id" label="Image" error={error} hint={chosen ? <>This is <Text>{chosen.name ?? 'an image without a name'}</Text>.</> : 'Its id; the names of your images help to choose.'}>
            <input id="image_id" list="image-ids" spellcheck={false} autocomplete="off" {...describedBy('image_id', true, error)}
                value={value} onInput={(e) => set(e.currentTarget.value)} />
            <datalist id="image-ids">
                {images.map((i) => <option key={i.id} value={i.id}>{i.name ?? ''}</option>)}
            </datalist>
        </Field>
    );
}

function Form({ type, choices, image }: { type: string; choices: TaskChoices; image: string }) {
    const [values, setValues] = useDraft<Values>(`task ${type}`, { image_id: image });
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<ApiError | null>(null);
    const images = useResource(async (signal) => (type === 'import' ? []
        : (await listImages(new URLSearchParams({ status: 'active', limit: '100' }), null, signal)).items), [type]).data ?? [];
    const own = images.find((i) => i.id === values.image_id?.trim())?.disk_format;
    const shown = NAMES.filter((n) => (type === 'export' ? ['image_id', 'export_to', 'export_format'].includes(n)
        : type === 'clone' ? !n.startsWith('import') && !n.startsWith('export') : !n.startsWith('export') && n !== 'image_id'));
    const named = error ? fieldsOf(error.message, shown) : [];
    if (error && named.length === 0 && type !== 'export' && error.message.startsWith('image_properties')) named.push('properties');
    const wrong = (name: string) => (error && named.includes(name) ? error.message : null);
    const set = (name: string) => (value: string) => setValues((v) => ({ ...v, [name]: value }));
    const control = (name: string, hint: boolean) => ({
        id: name, value: values[name] ?? '', ...describedBy(name, hint, wrong(name)),
        onInput: (e: Event) => set(name)((e.currentTarget as HTMLInputElement).value),
    });
    const text = (name: string, label: string, hint?: string, more: object = {}) => (
        <Field id={name} label={label} error={wrong(name)} {...(hint ? { hint } : {})}>
            <input autocomplete="off" {...control(name, !!hint)} {...more} />
        </Field>
    );
    const select = (name: string, label: string, words: string[], none: string, hint?: string) => (
        <Field id={name} label={label} error={wrong(name)} {...(hint ? { hint } : {})}>
            <select {...control(name, !!hint)}>
                <option value="">{none}</option>
                {words.map((w) => <option key={w}>{w}</option>)}
            </select>
        </Field>
    );
    const start = async (e: Event) => {
        e.preventDefault();
        setBusy(true);
        setError(null);
        try {
            const task = await createTask(type, inputOf(type, { ...values, export_format: values.export_format || own || '' }));
            toast('The task is made.');
            navigate(href(`/tasks/${task.id}`));
        } catch (e) {
            setError(asError(e));
            setBusy(false);
        }
    };
    return (
        <form class="card stack" onSubmit={start} noValidate>
            {type === 'import' && (
                <>
                    {text('import_from', 'Source', 'container/object in your own object store, or an https:// address where the server allows it.', { spellcheck: false })}
                    {select('import_from_format', 'Format of the source', choices.formats, 'Choose', 'What the source is; anything else is refused.')}
                </>
            )}
            {type !== 'import' && <ImageChoice value={values.image_id ?? ''} images={images} error={wrong('image_id')} set={set('image_id')} />}
            {type === 'export' && (
                <>
                    {text('export_to', 'Container', 'A container of yours. The object is named after the image; one of that name is replaced.', { spellcheck: false })}
                    {select('export_format', 'Format', choices.formats, own ? `${own}, as the image is` : 'Choose', 'Into another one than its own the image is converted.')}
                </>
            )}
            {type !== 'export' && (
                <fieldset class="stack">
                    <legend>The new image</legend>
                    {text('name', 'Name')}
                    <details open={named.some((n) => ['visibility', 'min_disk', 'min_ram', 'tags', 'properties'].includes(n))}>
                        <summary>More of it</summary>
                        <div class="stack">
                            {select('visibility', 'Visibility', choices.visibilities, type === 'clone' ? 'As the source is' : 'shared')}
                            <div class="field-pair">
                                {text('min_disk', 'Least disk, GB', undefined, { inputMode: 'numeric' })}
                                {text('min_ram', 'Least memory, MB', undefined, { inputMode: 'numeric' })}
                            </div>
                            {text('tags', 'Tags', 'With commas between them.')}
                            <Field id="properties" label="Properties" error={wrong('properties')} hint="name=value, one a line.">
                                <textarea rows={4} class="mono" spellcheck={false} {...control('properties', true)} />
                            </Field>
                        </div>
                    </details>
                </fieldset>
            )}
            {error && named.length === 0 && <ErrorNote error={error} />}
            <div><Button type="submit" kind="primary" busy={busy}>{ACTIONS[type] ?? 'Start'}</Button></div>
        </form>
    );
}

export function NewTask({ query }: PageProps) {
    useTitle('New task');
    const choices = useResource(getTaskChoices, []);
    const types = choices.data?.types ?? [];
    const wanted = query.get('type') ?? '';
    const type = types.includes(wanted) ? wanted : (types[0] ?? '');
    return (
        <div class="narrow">
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/tasks')}>Tasks</a></p>
                    <h1>{TITLES[type] ?? 'New task'}</h1>
                </div>
            </div>
            {choices.error && <ErrorNote error={choices.error} retry={choices.reload} />}
            {!choices.data && choices.loading && <Loading lines={6} />}
            {choices.data && (
                <>
                    <nav class="tabs" aria-label="Types of tasks">
                        {types.map((t) => (
                            <a key={t} href={href('/tasks/new', { type: t, image: query.get('image') })} aria-current={t === type ? 'page' : undefined}>{ACTIONS[t] ?? t}</a>
                        ))}
                    </nav>
                    <Form key={type} type={type} choices={choices.data} image={query.get('image') ?? ''} />
                </>
            )}
        </div>
    );
}
