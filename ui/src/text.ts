/** Attachments as text: decoded without trust, with what cannot be seen made visible. */

/** The charset of a MIME type like `text/x-traceback; charset="utf8"`. */
function charsetOf(mime: string | null): string {
    return /charset\s*=\s*"?([\w-]+)/i.exec(mime ?? '')?.[1] ?? 'utf-8';
}

/** Null: not text. A byte of zero early on is what binary formats have and texts have not. */
export function decode(bytes: Uint8Array, mime: string | null): string | null {
    const wide = /^utf-?16/i.test(charsetOf(mime));
    if (!wide && bytes.subarray(0, 8192).includes(0)) return null;
    let decoder: TextDecoder;
    try {
        decoder = new TextDecoder(charsetOf(mime));
    } catch {
        decoder = new TextDecoder('utf-8');
    }
    return visible(decoder.decode(bytes));
}

/** Control characters as their pictures (␛ for escape), line ends as one. Colours of terminals go. */
export function visible(text: string): string {
    return text
        .replace(/\u001b\[[0-9;]*m/g, '')
        .replace(/\r\n?/g, '\n')
        .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
        .replace(/\u007f/g, '\u2421');
}
