/** What stands behind the '?' of an address. */

export type Query = Record<string, string | number | boolean | null | undefined>;

/** PATH with a query; empty values are left out. */
export function withQuery(path: string, query?: Query | URLSearchParams): string {
    const params = query instanceof URLSearchParams ? query : new URLSearchParams();
    if (query && !(query instanceof URLSearchParams)) {
        for (const [name, value] of Object.entries(query)) {
            if (value !== null && value !== undefined && value !== '') params.append(name, String(value));
        }
    }
    const text = params.toString();
    return text ? `${path}?${text}` : path;
}

/** The two sides of 'key=value'; null: it is nothing of the kind. */
export function readPair(text: string): [string, string] | null {
    const cut = text.indexOf('=');
    const key = text.slice(0, cut).trim();
    return cut > 0 && key ? [key, text.slice(cut + 1).trim()] : null;
}
