/** Sends an upload. XMLHttpRequest, since fetch() tells nothing of the bytes that have gone. */
import { ApiError, address, errorOf } from './api';
import { getSession } from './session';

export interface Kind {
    /** In words; null: nothing that Tally takes. */
    name: string | null;
    contentType: string;
    contentEncoding?: string;
}

const RAW = 'application/x-subunit';

/** What a file is, by its first bytes. */
export async function sniff(file: File): Promise<Kind> {
    const head = new Uint8Array(await file.slice(0, 4096).arrayBuffer());
    if (head.length === 0) return { name: null, contentType: '' };
    if (head[0] === 0x1f && head[1] === 0x8b) return { name: 'gzip', contentType: RAW, contentEncoding: 'gzip' };
    if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return { name: 'zstd', contentType: RAW, contentEncoding: 'zstd' };
    if (head[0] === 0xb3) return { name: 'subunit v2', contentType: RAW };
    const text = new TextDecoder().decode(head).trimStart();
    if (text.startsWith('<')) return { name: /<testsuite|<\?xml/.test(text) ? 'JUnit XML' : null, contentType: 'application/xml' };
    if (/^(time|test|testing|tags|progress|success(ful)?|failure|error|skip|xfail|uxsuccess): /m.test(text)) return { name: 'subunit v1', contentType: RAW };
    return { name: null, contentType: RAW };
}

export interface Stored {
    run: string;
    again: boolean; // it was stored before
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
        xhr.open(result ? 'PUT' : 'POST', address(result ? `/v1/subunit/${encodeURIComponent(result)}` : '/v1/subunit', query));
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
            for (const { file } of files) body.append('subunit_data', file, 'shard');
        }
        xhr.upload.onprogress = (e) => onProgress(e.loaded, e.total);
        xhr.onload = () => {
            let doc: Record<string, unknown> = {};
            try {
                doc = JSON.parse(xhr.responseText) as Record<string, unknown>;
            } catch {
                // an error that is no JSON: errorOf() says its status
            }
            const run = doc['subunit-uuid'] ?? doc.uuid;
            if ((xhr.status === 200 || xhr.status === 201 || xhr.status === 409) && typeof run === 'string') {
                resolve({ run, again: xhr.status === 409 });
            } else {
                reject(errorOf(xhr.status, xhr.responseText, xhr.getResponseHeader('X-Openstack-Request-Id'), true));
            }
        };
        xhr.onerror = () => reject(new ApiError(0, 'The connection broke off. Nothing of this upload is stored; try again.'));
        xhr.onabort = () => reject(new DOMException('', 'AbortError'));
        signal.addEventListener('abort', () => xhr.abort());
        xhr.send(body);
    });
}
