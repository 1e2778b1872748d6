/** A test's name on one line: what tells it from its neighbours is at the end, so the end is what stays. */
export function splitName(name: string): [string, string] {
    // the brackets of parameters and attributes may hold dots
    const open = name.search(/[([]/);
    const cut = name.lastIndexOf('.', open < 0 ? undefined : open);
    return cut < 0 ? ['', name] : [name.slice(0, cut + 1), name.slice(cut + 1)];
}

export function TestName({ name }: { name: string }) {
    const [path, leaf] = splitName(name);
    return (
        <span class="test-name" title={name}>
            {path && <bdi class="test-path"><bdi>{path}</bdi></bdi>}
            <bdi class="test-leaf">{leaf}</bdi>
        </span>
    );
}
