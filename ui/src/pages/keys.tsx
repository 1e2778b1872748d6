/** The keys that sign uploads of results. */
import { useState } from 'preact/hooks';
import { request, seg } from '../api';
import { useErrand } from '../change';
import { Button, EmptyState, ErrorNote, Field, Loading, Text, describedBy } from '../components/basic';
import { Confirm } from '../components/dialog';
import { Column, Table } from '../components/table';
import { toast } from '../components/toast';
import { useDraft } from '../drafts';
import { asError, useResource, useTitle } from '../hooks';
import { PublicKey, addKey, fingerprint, listKeys } from '../refstack';
import { href } from '../router';

type Printed = PublicKey & { print: string };

async function load(signal: AbortSignal): Promise<Printed[]> {
    const keys = await listKeys(signal);
    return Promise.all(keys.map(async (k) => ({ ...k, print: await fingerprint(k.pubkey).catch(() => k.pubkey.slice(-43)) })));
}

function AddKey({ added }: { added: () => void }) {
    const [values, setValues] = useDraft('key', { key: '', signature: '' });
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<{ field: 'key' | 'signature'; text: string } | null>(null);
    const wrong = (field: 'key' | 'signature') => (error?.field === field ? error.text : null);
    const add = async (e: Event) => {
        e.preventDefault();
        setBusy(true);
        setError(null);
        try {
            await addKey(values.key.trim(), values.signature.replace(/\s+/g, ''));
            setValues({ key: '', signature: '' });
            toast('The key is added.');
            added();
        } catch (e) {
            const { message } = asError(e);
            setError({ field: /signature/i.test(message) ? 'signature' : 'key', text: message });
        }
        setBusy(false);
    };
    return (
        <form class="card stack" onSubmit={add}>
            <h2>Add a key</h2>
            <p>Whoever uploads a result with <code>refstack-client upload -i ~/.ssh/id_rsa</code> signs it with this key, and it is
                yours. To show that the key is yours, sign the word <q>signature</q> with it:</p>
            <pre class="command" tabIndex={0} aria-label="Command that signs">printf signature | openssl dgst -sha256 -sign ~/.ssh/id_rsa | xxd -p -c 0</pre>
            <p><code>refstack-client sign ~/.ssh/id_rsa</code> prints both, the key and the signature. The private key never leaves your machine.</p>
            <Field id="key" label="Public key" error={wrong('key')} hint="The line of ~/.ssh/id_rsa.pub: RSA, 2048 bits or more.">
                <textarea id="key" rows={4} class="mono" spellcheck={false} autocomplete="off" placeholder="ssh-rsa AAAA… you@host"
                    {...describedBy('key', true, wrong('key'))} value={values.key} onInput={(e) => setValues({ ...values, key: e.currentTarget.value })} />
            </Field>
            <Field id="signature" label="Signature" error={wrong('signature')} hint="In hexadecimal, as the command prints it.">
                <textarea id="signature" rows={4} class="mono" spellcheck={false} autocomplete="off" {...describedBy('signature', true, wrong('signature'))}
                    value={values.signature} onInput={(e) => setValues({ ...values, signature: e.currentTarget.value })} />
            </Field>
            <div><Button type="submit" kind="primary" busy={busy}>Add the key</Button></div>
        </form>
    );
}

export function Keys() {
    useTitle('Keys');
    const keys = useResource(load, []);
    const [chosen, setChosen] = useState<Printed | null>(null);
    const { busy, run } = useErrand();
    const remove = async () => {
        if (!chosen) return;
        await run('remove', async () => {
            await request(`/v1/profile/pubkeys/${seg(chosen.id)}`, { method: 'DELETE' });
            toast('The key is removed.');
            keys.reload();
        });
        setChosen(null);
    };
    const columns: Column<Printed>[] = [
        { head: 'Comment', kind: 'main', cell: (k) => (k.comment ? <Text>{k.comment}</Text> : <span class="quiet">none</span>) },
        { head: 'Type', kind: 'shrink', cell: (k) => k.format },
        { head: 'Fingerprint', kind: 'shrink', cell: (k) => <code>{k.print}</code> },
        { head: 'Remove', hideHead: true, kind: 'shrink', cell: (k) => <Button kind="danger" aria-label={`Remove the key ${k.comment || k.print}`} onClick={() => setChosen(k)}>Remove</Button> },
    ];
    return (
        <>
            <div class="page-head">
                <div>
                    <p class="crumb"><a href={href('/results')}>Results</a></p>
                    <h1>Keys</h1>
                </div>
            </div>
            {keys.error && <ErrorNote error={keys.error} retry={keys.reload} />}
            {!keys.data && keys.loading && <Loading lines={3} />}
            {keys.data?.length === 0 && (
                <EmptyState title="No keys yet"><p>A key lets <code>refstack-client</code> upload results as yours without a token.</p></EmptyState>
            )}
            {keys.data && keys.data.length > 0 && <Table label="Keys" columns={columns} items={keys.data} id={(k) => k.id} />}
            <section class="section"><AddKey added={keys.reload} /></section>
            <Confirm title="Remove this key?" open={chosen !== null} busy={busy !== ''} action="Remove the key" onConfirm={remove} onClose={() => setChosen(null)}>
                <p>Uploads that are signed with it are no longer taken. Results that were signed with it stay yours.</p>
                <p><code class="wrap">{chosen?.print}</code></p>
            </Confirm>
        </>
    );
}
