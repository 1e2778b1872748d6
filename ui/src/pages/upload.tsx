/** Upload: choose files, see who will see what, say yes to it, watch it go, land on the run. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api';
import { Badge, Button, ErrorNote, Field, Note, Progress, Text } from '../components/basic';
import { toast } from '../components/toast';
import { useDraft } from '../drafts';
import { bytes, duration, plural } from '../format';
import { asError, useTitle } from '../hooks';
import { readPair } from '../query';
import { href, navigate } from '../router';
import type { PageProps } from '../routes';
import { useSession } from '../session';
import { Kind, send, sniff } from '../upload-send';

interface Chosen {
    file: File;
    kind: Kind;
    unreadable?: boolean; // a folder, or gone since
}

interface Going {
    sent: number;
    total: number;
    rate: number | null; // bytes a second
}

interface Form {
    files: Chosen[];
    cpid: string;
    meta: string;
    result: string;
    attachments: boolean;
    /** It is on its way. When a session ends this is what remains of it. */
    sending: boolean;
}

/** The mean over the last seconds: a rate that jumps says nothing. */
function meter(): (sent: number) => number | null {
    const marks: [number, number][] = [];
    return (sent) => {
        const now = performance.now();
        marks.push([now, sent]);
        while (marks.length > 2 && now - (marks[0]?.[0] ?? now) > 4000) marks.shift();
        const [t, n] = marks[0] ?? [now, sent];
        return now - t > 300 ? ((sent - n) * 1000) / (now - t) : null;
    };
}

function remaining(seconds: number): string {
    const whole = Math.ceil(seconds);
    return whole < 60 ? `${whole} s` : duration(whole);
}

/** Why these files cannot go together, or at all. */
function problem(files: Chosen[]): string | null {
    const bad = files.find((f) => f.kind.name === null);
    if (bad) {
        const why = bad.unreadable ? 'cannot be read' : bad.file.size === 0 ? 'is empty' : 'is neither a subunit stream nor JUnit XML';
        return `\u2068${bad.file.name}\u2069 ${why}.`; // isolated: its direction marks end with it
    }
    if (files.length > 1 && files.some((f) => f.kind.contentEncoding)) {
        return 'Several files at once, the shards of one run, must not be compressed.';
    }
    return null;
}

/** Shards of one run may bear one name, in folders of their own. */
function same(a: File, b: File): boolean {
    return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
}

async function look(file: File): Promise<Chosen> {
    try {
        return { file, kind: await sniff(file) };
    } catch {
        return { file, kind: { name: null, contentType: '' }, unreadable: true };
    }
}

function DropArea({ disabled, onFiles }: { disabled: boolean; onFiles: (files: File[]) => void }) {
    const input = useRef<HTMLInputElement>(null);
    const [over, setOver] = useState(false);
    // A file that misses the area would be opened by the browser, in the place of this page.
    useEffect(() => {
        const keep = (e: DragEvent) => e.preventDefault();
        for (const name of ['dragover', 'drop'] as const) window.addEventListener(name, keep);
        return () => {
            for (const name of ['dragover', 'drop'] as const) window.removeEventListener(name, keep);
        };
    }, []);
    const stop = (e: DragEvent) => e.preventDefault();
    return (
        <div class={over ? 'drop drop-over' : 'drop'} onDragOver={(e) => { stop(e); setOver(!disabled); }} onDragLeave={() => setOver(false)}
            onDrop={(e) => { stop(e); setOver(false); if (!disabled && e.dataTransfer) onFiles([...e.dataTransfer.files]); }}>
            <p><b>Drop a subunit or JUnit file here</b>, or the shards of one run together.</p>
            <p class="quiet small">Subunit v1 or v2, or JUnit XML; one file may be compressed with gzip or zstd.</p>
            <Button disabled={disabled} onClick={() => input.current?.click()}>Choose files</Button>
            <input ref={input} id="files" type="file" multiple class="visually-hidden" tabIndex={-1} aria-label="Files to upload"
                disabled={disabled}
                onChange={(e) => { onFiles([...(e.currentTarget.files ?? [])]); e.currentTarget.value = ''; }} />
        </div>
    );
}

function Privacy({ attachments, project, linked }: { attachments: boolean; project: string | null; linked: boolean }) {
    return (
        <div class="privacy">
            <div class="card">
                <h3>Private</h3>
                <p class="small">Seen by the members of {project ? <>project <Text>{project}</Text></> : 'your project'} and by the foundation's staff, who check results:</p>
                <ul class="small dots">
                    <li>every test's name, outcome and times, the failed and skipped ones too</li>
                    {attachments ? (
                        <li>attachments as they are: tracebacks and logs, <b>which may hold addresses, host names or credentials of your cloud</b></li>
                    ) : (
                        <li>no attachments: tracebacks and logs are dropped on arrival, and why a test failed is not kept</li>
                    )}
                    <li>the metadata that you give below</li>
                </ul>
            </div>
            <div class="card">
                <h3>Public</h3>
                <p class="small"><b>Nothing, by uploading.</b></p>
                {linked ? (
                    <p class="small">The result that it belongs to stays as it is, shared or not. The evidence itself is never public.</p>
                ) : (
                    <p class="small">
                        A result is made that lists the tests that passed. It stays private until you share it; then anybody can read those names
                        and the time that they took. The evidence itself is never public.
                    </p>
                )}
            </div>
        </div>
    );
}

/** Whether one of FILES is no longer what was chosen: browsers then break off as if the line had. */
async function changed(files: Chosen[]): Promise<Chosen | undefined> {
    const looked = await Promise.all(files.map((f) => look(f.file)));
    return looked.find((f) => f.unreadable);
}

export function Upload({ query: address }: PageProps) {
    useTitle('Upload');
    const session = useSession();
    const [form, setForm] = useDraft<Form>('upload', {
        files: [], cpid: '', meta: '', result: address.get('result') ?? '', attachments: true, sending: false,
    });
    // It is said to one project: for another one it must be said anew.
    const [agreed, setAgreed] = useDraft(`upload for ${session?.projectId ?? ''}`, false);
    const [going, setGoing] = useState<Going | null>(null);
    const [error, setError] = useState<ApiError | null>(null);
    const controller = useRef<AbortController | null>(null);
    const more = useRef(form.cpid !== '' || form.meta !== '' || form.result !== '');
    useEffect(() => () => controller.current?.abort(), []);
    useEffect(() => {
        if (!going) return undefined;
        const warn = (e: BeforeUnloadEvent) => e.preventDefault();
        window.addEventListener('beforeunload', warn);
        return () => window.removeEventListener('beforeunload', warn);
    }, [going !== null]);

    const { files } = form;
    const change = (values: Partial<Form>) => setForm((f) => ({ ...f, ...values }));
    const total = files.reduce((n, f) => n + f.file.size, 0);
    const trouble = files.length > 0 ? problem(files) : null;
    const metaLines = form.meta.split('\n').map((line) => line.trim()).filter(Boolean);
    const badLine = metaLines.find((line) => !readPair(line));
    const take = async (found: File[]) => {
        setError(null);
        const looked = await Promise.all(found.map(look));
        setForm((f) => ({ ...f, files: [...f.files, ...looked.filter((x) => !f.files.some((o) => same(o.file, x.file)))] }));
    };
    const upload = async () => {
        const mine = new AbortController();
        const rate = meter();
        let allSent = false;
        controller.current = mine;
        setError(null);
        setGoing({ sent: 0, total, rate: null });
        change({ sending: true });
        const query = new URLSearchParams();
        if (form.cpid.trim()) query.set('cpid', form.cpid.trim());
        if (!form.attachments) query.set('attachments', 'false');
        for (const line of metaLines) {
            const pair = readPair(line);
            if (pair) query.append('meta.' + pair[0], pair[1]);
        }
        try {
            const stored = await send(files, query, form.result.trim(), (sent, all) => {
                allSent = sent >= all;
                setGoing((g) => g && { ...g, sent, total: all, rate: rate(sent) });
            }, mine.signal);
            toast(stored.again ? 'This stream was stored before: here is its run.' : 'The run is stored.');
            navigate(href(`/runs/${stored.run}`));
        } catch (e) {
            if (e instanceof ApiError && e.status === 401) return; // the session is over, and this page with it: the form is kept as it is
            setGoing(null);
            change({ sending: false });
            if (mine.signal.aborted) {
                toast(allSent ? 'Cancelled, but all was sent: the runs show whether it is stored.' : 'Cancelled: nothing is stored.');
                return;
            }
            const reason = asError(e);
            const other = reason.status === 0 ? await changed(files) : undefined;
            setError(other ? new ApiError(0, `\u2068${other.file.name}\u2069 is no longer what was chosen: remove it and choose it again. Nothing of this upload is stored.`) : reason);
        }
    };
    const set = (name: 'cpid' | 'meta' | 'result') => (e: Event) => change({ [name]: (e.currentTarget as HTMLInputElement).value });
    return (
        <div class="upload">
            <div class="page-head"><h1>Upload a run</h1></div>
            <div class="stack">
                <DropArea disabled={going !== null} onFiles={take} />
                {files.length > 0 && (
                    <ul class="card file-list" aria-label="Chosen files">
                        {files.map((f, i) => (
                            <li key={i}>
                                <span class="file-name"><Text>{f.file.name}</Text></span>
                                <Badge tone={f.kind.name ? 'info' : 'bad'}>{f.kind.name ?? 'unknown'}</Badge>
                                <span class="num quiet">{bytes(f.file.size)}</span>
                                <Button kind="quiet" class="icon-button" disabled={going !== null} aria-label={`Remove ${f.file.name}`}
                                    onClick={() => change({ files: files.filter((_, k) => k !== i) })}>✕</Button>
                            </li>
                        ))}
                    </ul>
                )}
                {trouble && <ErrorNote error={new ApiError(0, trouble)} />}
                <Privacy attachments={form.attachments} project={session?.projectName ?? null} linked={form.result.trim() !== ''} />
                <label class="check">
                    <input type="checkbox" id="attachments" checked={form.attachments} disabled={going !== null}
                        onChange={(e) => change({ attachments: e.currentTarget.checked })} />
                    <span>Keep the attachments: tracebacks and logs</span>
                </label>
                <details class="more-fields" open={more.current}>
                    <summary>Metadata, cloud, result</summary>
                    <div class="stack">
                        <Field id="cpid" label="Cloud (cpid)" hint="The id by which your results are found; tally and refstack-client compute it.">
                            <input id="cpid" aria-describedby="cpid-hint" value={form.cpid} onInput={set('cpid')} disabled={going !== null} />
                        </Field>
                        <Field id="metadata" label="Metadata" hint={badLine ? `“${badLine}” is not of the form key=value.` : 'One key=value a line, for instance branch=master.'}>
                            <textarea id="metadata" rows={3} aria-describedby="metadata-hint" aria-invalid={badLine ? 'true' : undefined}
                                value={form.meta} onInput={set('meta')} disabled={going !== null} />
                        </Field>
                        <Field id="result" label="Result that it belongs to" hint="The id of a result that is there already, with the same passed tests. Empty: a new one is made.">
                            <input id="result" aria-describedby="result-hint" value={form.result} onInput={set('result')} disabled={going !== null} />
                        </Field>
                    </div>
                </details>
                <label class="check agree">
                    <input type="checkbox" id="agree" checked={agreed} disabled={going !== null} onChange={(e) => setAgreed(e.currentTarget.checked)} />
                    <span>Store this evidence. I have read above who will see it, and may hand it on.</span>
                </label>
                {error && <ErrorNote error={error} />}
                {form.sending && !going && (
                    <div role="status">
                        <Note tone="warn">
                            Your session ended while this was on its way. Files and choices are as you left them: upload again. Had it been stored after all, it is not stored twice.
                        </Note>
                    </div>
                )}
                {going ? (
                    <div class="card going" role="status" aria-label="Upload">
                        <Progress value={going.sent} max={going.total} label="Sent" />
                        <div class="row going-row">
                            <span class="num">
                                {going.total > 0 && going.sent >= going.total ? 'All is sent; the server stores it…' : (
                                    <>
                                        {bytes(going.sent)} of {bytes(going.total)}
                                        {going.rate !== null && `, ${bytes(Math.round(going.rate))}/s`}
                                        {going.rate ? `, ${remaining((going.total - going.sent) / going.rate)} left` : ''}
                                    </>
                                )}
                            </span>
                            <Button onClick={() => controller.current?.abort()}>Cancel</Button>
                        </div>
                    </div>
                ) : (
                    <div class="row">
                        <Button kind="primary" disabled={files.length === 0 || !agreed || trouble !== null || badLine !== undefined} onClick={upload}>
                            Upload{files.length > 0 ? ` ${plural(files.length, 'file')}, ${bytes(total)}` : ''}
                        </Button>
                        {files.length > 0 && !agreed && <span class="quiet small">Tick the box above first.</span>}
                    </div>
                )}
            </div>
        </div>
    );
}
