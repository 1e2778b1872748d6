/** Short messages at the lower edge, read out by screen readers; they go by themselves, errors only when dismissed. */
import { createStore, useStore } from '../store';
import { Button } from './basic';

interface Message {
    id: number;
    text: string;
    bad: boolean;
}

const messages = createStore<Message[]>([]);
let nextId = 1;

function dismiss(id: number): void {
    messages.set(messages.get().filter((m) => m.id !== id));
}

export function toast(text: string, bad = false): void {
    const id = nextId++;
    messages.set([...messages.get().slice(-3), { id, text, bad }]);
    if (!bad) window.setTimeout(() => dismiss(id), 6000);
}

export function Toasts() {
    const all = useStore(messages);
    return (
        <div class="toasts" role="status" aria-live="polite">
            {all.map((m) => (
                <div key={m.id} class={m.bad ? 'toast toast-bad' : 'toast'}>
                    <span>{m.text}</span>
                    <Button kind="quiet" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(m.id)}>✕</Button>
                </div>
            ))}
        </div>
    );
}
