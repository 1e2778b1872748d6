/** Sends an upload. XMLHttpRequest, since fetch() tells nothing of the bytes that have gone. */
import { ApiError, errorOf, seg } from './api';
import { withQuery } from './query';
import { getSession } from './session';

export interface Kind {
    /** In words; null: nothing that Tally takes. */
    name: string | null;
    contentType: string;
    contentEncoding?: string;
}

const RAW = 'application/x-subunit';
const XML = 'application/xml';
const HEAD = 4096;

/** The first bytes of a gzip file's content; null: it is damaged, or the browser cannot. */
async function unzipped(file: File): Promise<Uint8Array | null> {
    try {
        const reader = file.slice(0, 1 << 16).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
        const { value } = await reader.read();
        reader.cancel().catch(() => undefined); // what is cut off behind it is none of our business
        return value ? value.subarray(0, HEAD) : null;
    } catch {
        return null;
    }
}

/** What HEAD begins: its bytes tell; the NAME only helps where they leave it open. */
function kindOf(head: Uint8Array, name: string): Kind {
    if (head[0] === 0xb3) return { name: 'subunit v2', contentType: RAW };
    const wide = head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8';
    const text = new TextDecoder(wide).decode(head).trimStart();
    if (text.startsWith('<')) {
        const junit = /^<\?xml|<testsuites?[\s>]/.test(text) || /\.xml$/i.test(name);
        return { name: junit ? 'JUnit XML' : null, contentType: XML };
    }
    if (/^(time|test|testing|tags|progress|success(ful)?|failure|error|skip|xfail|uxsuccess): /m.test(text)) return { name: 'subunit v1', contentType: RAW };
    return { name: null, contentType: RAW };
}

/** What a file is, by its first bytes. One that cannot be read (a folder, say) throws. */
export async function sniff(file: File): Promise<Kind> {
    const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
    if (head.length === 0) return { name: null, contentType: '' };
    const name = file.name.replace(/\.(gz|zst)$/i, '');
    if (head[0] === 0x1f && head[1] === 0x8b) {
        const inner = await unzipped(file);
        const kind = inner ? kindOf(inner, name) : { name: null, contentType: RAW };
        return { ...kind, name: kind.name ? `${kind.name}, gzip` : 'gzip', contentEncoding: 'gzip' };
    }
    if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) {
        // No browser looks into it for us: the name has to do.
        const xml = /\.xml$/i.test(name);
        return { name: xml ? 'JUnit XML, zstd' : 'zstd', contentType: xml ? XML : RAW, contentEncoding: 'zstd' };
    }
    return kindOf(head, name);
}

export interface Stored {
    run: string;
    again: boolean; // it was stored before
}

/** By which tests a stream and the result that it should belong to differ, one a line. */
function differences(doc: Record<string, unknown>): string {
    return ([['only_in_stream', 'Only in the stream:'], ['only_in_result', 'Only in the result:']] as const).map(([key, words]) => {
        const names = doc[key];
        return Array.isArray(names) && names.length > 0 ? `\n${words}\n${names.join('\n')}` : '';
    }).join('');
}

/** RESULT: link it to that result. Resolves with the run; rejects with ApiError, or an AbortError. */
export function send(
    files: { file: File; kind: Kind }[],
    query: URLSearchParams,
    result: string,
    onProgress: (sent: number, total: number) => void,
    signal: AbortSignal,
): Promise<Stored> {
    return new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest();
        const one = files.length === 1 ? files[0] : undefined;
        xhr.open(result ? 'PUT' : 'POST', withQuery(result ? `/v1/subunit/${seg(result)}` : '/v1/subunit', query));
        xhr.setRequestHeader('Accept', 'application/json');
        const token = getSession()?.token;
        if (token) xhr.setRequestHeader('X-Auth-Token', token);
        let body: Blob | FormData;
        if (one) {
            xhr.setRequestHeader('Content-Type', one.kind.contentType);
            if (one.kind.contentEncoding) xhr.setRequestHeader('Content-Encoding', one.kind.contentEncoding);
            body = one.file;
        } else {
            body = new FormData(); // one part a shard: the server merges them
            for (const { file, kind } of files) body.append('subunit_data', new Blob([file], { type: kind.contentType }), 'shard');
        }
        xhr.upload.onprogress = (e) => onProgress(e.loaded, e.total);
        let allSent = false;
        xhr.upload.onload = () => { allSent = true; };
        xhr.onload = () => {
            let doc: Record<string, unknown> = {};
            try {
                doc = (JSON.parse(xhr.responseText) ?? {}) as Record<string, unknown>;
            } catch {
                // an error that is no JSON: errorOf() says its status
            }
            const run = doc['subunit-uuid'] ?? doc.uuid;
            // Where a result was named, a conflict may be with the run that it has already: this stream is then not stored.
            const again = xhr.status === 409 && !result;
            if ((xhr.status === 200 || xhr.status === 201 || again) && typeof run === 'string') {
                resolve({ run, again });
            } else {
                const error = errorOf(xhr.status, xhr.responseText, xhr.getResponseHeader('X-Openstack-Request-Id'), token);
                reject(new ApiError(error.status, error.message + differences(doc), error.requestId));
            }
        };
        xhr.onerror = () => reject(new ApiError(0, allSent
            ? 'The connection broke off after all was sent. Try again: what is stored already is not stored twice.'
            : 'The connection broke off. Nothing of this upload is stored; try again.'));
        xhr.onabort = () => reject(new DOMException('', 'AbortError'));
        signal.addEventListener('abort', () => xhr.abort());
        xhr.send(body);
    });
}
