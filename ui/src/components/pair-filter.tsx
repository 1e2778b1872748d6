/** A filter by one pair of metadata: 'key=value', applied by Enter; nothing takes it away. */
import { useEffect, useState } from 'preact/hooks';
import { readPair } from '../query';
import { Field, describedBy } from './basic';

export function PairFilter({ pair, hint, onChoose }: { pair: string; hint: string; onChoose: (key: string, value: string) => void }) {
    const [text, setText] = useState(pair);
    const [problem, setProblem] = useState<string | null>(null);
    useEffect(() => setText(pair), [pair]);
    const choose = (e: Event) => {
        e.preventDefault();
        const found = text.trim() ? readPair(text) : ['', ''] as [string, string];
        setProblem(found ? null : 'Write it as key=value.');
        if (found) onChoose(...found);
    };
    return (
        <form class="filter-wide" onSubmit={choose}>
            <Field id="meta" label="Metadata" error={problem} hint={hint}>
                <input id="meta" value={text} placeholder="key=value" {...describedBy('meta', true, problem)} onInput={(e) => setText(e.currentTarget.value)} />
            </Field>
        </form>
    );
}
