/** One test of a run: outcome, times, metadata, and its attachments as text. */
import { useState } from 'preact/hooks';
import { download, getBytes, seg } from '../api';
import { useErrand } from '../change';
import { Badge, Button, Bytes, ErrorNote, Facts, Loading, Text, Time } from '../components/basic';
import { Dialog } from '../components/dialog';
import { Attachment, getRunPart } from '../evidence';
import { bytes, count, dateTime, duration } from '../format';
import { useResource } from '../hooks';
import { href } from '../router';
import { secondsOf } from '../run-rows';
import { decode } from '../text';

const SHOWN = 256 * 1024;

function Content({ path, attachment, limit }: { path: string; attachment: Attachment; limit: number }) {
    const { data, error, reload } = useResource(async (signal) => {
        const { bytes: found, more } = await getBytes(path, limit, signal);
        return { text: decode(found, attachment.mime_type), more };
    }, [path, limit]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!data) return <Loading lines={3} />;
    if (data.text === null) return <p class="quiet">This is no text. Download it to look at it.</p>;
    if (data.text === '') return <p class="quiet">It is empty.</p>;
    return (
        <>
            <pre class="attachment-text" tabIndex={0} dir="ltr">{data.text}</pre>
            {data.more && <p class="quiet small">The first {bytes(limit)} of {bytes(attachment.size)}. Download it for the rest.</p>}
        </>
    );
}

function AttachmentView({ uuid, attachment, initially }: { uuid: string; attachment: Attachment; initially: boolean }) {
    const [open, setOpen] = useState(initially);
    const { busy, run } = useErrand();
    const path = `/v1/subunit/${seg(uuid)}/attachments/${attachment.id}`;
    const name = attachment.name || attachment.label || String(attachment.id);
    const save = () => void run('save', () => download(path, name.replace(/[^\w.-]+/g, '_')));
    return (
        <details class="attachment" open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
            <summary>
                <Text>{name}</Text> <span class="quiet small"><Bytes n={attachment.size} /></span>
            </summary>
            {open && <Content path={path} attachment={attachment} limit={SHOWN} />}
            <div class="row attachment-row">
                <span class="quiet small"><Text>{attachment.mime_type ?? 'type not given'}</Text></span>
                <Button kind="quiet" busy={busy !== ''} onClick={save}>Download</Button>
            </div>
        </details>
    );
}

/** Why it failed is what people open it for. */
function foremost(attachments: Attachment[]): number | undefined {
    const rank = (a: Attachment) => /traceback/i.test(a.label) ? 0 : /reason/i.test(a.label) ? 1 : /stderr|stdout|log/i.test(a.label) ? 2 : 3;
    return [...attachments].sort((a, b) => rank(a) - rank(b))[0]?.id;
}

function Details({ uuid, id }: { uuid: string; id: number }) {
    // The page that holds this test alone.
    const { data, error, reload } = useResource((signal) => getRunPart(uuid, Math.max(0, id - 1), 1, signal), [uuid, id]);
    if (error) return <ErrorNote error={error} retry={reload} />;
    if (!data) return <Loading lines={4} />;
    const run = data.test_runs.find((t) => t.id === id);
    const test = data.tests.find((t) => t.id === run?.test_id);
    if (!run || !test) return <p>This run has no such test.</p>;
    const mine = data.attachments.filter((a) => a.test_run_id === id);
    const first = foremost(mine);
    return (
        <>
            <p class="test-full-name mono"><Text>{test.test_id}</Text></p>
            <Facts items={[
                ['Outcome', <Badge>{run.status}</Badge>],
                ['Took', duration(secondsOf(run))],
                ['Began', <Time iso={run.start_time} format={dateTime} />],
                ['Average', duration(test.success > 0 ? test.run_time : null)],
                ['In all your runs', `${count(test.success)} passed, ${count(test.failure)} failed`],
                ...run.metadata.map((m): [string, preact.JSX.Element] => [m.key, <Text>{m.value}</Text>]),
            ]} />
            <p><a href={href(`/tests/${test.id}`)}>The test's history</a></p>
            <section>
                <h3>Attachments</h3>
                {mine.length === 0 ? <p class="quiet">It has none.</p> : mine.map((a) => (
                    <AttachmentView key={a.id} uuid={uuid} attachment={a} initially={a.id === first} />
                ))}
            </section>
        </>
    );
}

export function TestDetails({ uuid, id, onClose }: { uuid: string; id: number | null; onClose: () => void }) {
    return (
        <Dialog title="Test" wide open={id !== null} onClose={onClose}>
            {id !== null && <Details key={id} uuid={uuid} id={id} />}
        </Dialog>
    );
}
