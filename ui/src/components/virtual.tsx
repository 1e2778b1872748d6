/** A list of any length: only what is in sight is in the document. Rows have one height. */
import { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { take, useKeeping } from '../kept';

interface VirtualListProps {
    count: number;
    rowHeight: number;
    /** Pixels, or a CSS length for max-height. */
    height: number | string;
    label: string;
    row: (index: number) => ComponentChildren;
    /** Enter or a click on row INDEX. */
    onOpen?: (index: number) => void;
    /** The row that is shown as chosen. */
    selected?: number | null;
}

const SPARE = 5; // rows above and below what is in sight
const BLOCK = 4; // the window moves by whole blocks: most steps of a slow scroll draw nothing anew

/** One tab stop; arrows, Page Up and Down, Home and End move within, Enter opens. */
export function VirtualList({ count, rowHeight, height, label, row, onOpen, selected }: VirtualListProps) {
    const id = useId();
    const box = useRef<HTMLDivElement>(null);
    const filler = useRef<HTMLDivElement>(null);
    const part = useRef<HTMLDivElement>(null);
    const [at, setAt] = useState(0); // the block at the top
    const [room, setRoom] = useState(600);
    const [before] = useState(() => take<{ top: number; active: number }>('virtual ' + label));
    const [active, setActive] = useState(before?.active ?? 0);
    // Where it is to scroll to again, once there are rows enough or until somebody scrolls himself.
    const goal = useRef(before?.top ?? null);
    const settle = () => { goal.current = null; };
    useKeeping('virtual ' + label, () => ({ top: goal.current ?? box.current?.scrollTop ?? 0, active }));

    useLayoutEffect(() => {
        const element = box.current;
        if (!element) return undefined;
        element.style.maxHeight = typeof height === 'number' ? `${height}px` : height;
        const measure = () => setRoom(element.clientHeight || 600);
        measure();
        const observer = new ResizeObserver(measure);
        observer.observe(element);
        return () => observer.disconnect();
    }, [height]);
    useLayoutEffect(() => {
        if (filler.current) filler.current.style.height = `${count * rowHeight}px`;
        if (!box.current) return;
        if (box.current.scrollTop > count * rowHeight) box.current.scrollTop = 0;
        if (goal.current === null) return;
        box.current.scrollTop = goal.current;
        if (box.current.scrollTop > goal.current - 1) settle();
    }, [count, rowHeight]);
    useEffect(() => {
        if (active >= count && goal.current === null) setActive(Math.max(0, count - 1));
    }, [count]);

    const first = Math.min(Math.max(0, at * BLOCK - SPARE), Math.max(0, count - 1));
    const last = Math.min(count, at * BLOCK + BLOCK + Math.ceil(room / rowHeight) + SPARE);
    useLayoutEffect(() => {
        if (!part.current) return;
        part.current.style.transform = `translateY(${first * rowHeight}px)`;
        part.current.style.gridAutoRows = `${rowHeight}px`;
    }, [first, rowHeight]);

    const go = (to: number) => {
        const index = Math.min(count - 1, Math.max(0, to));
        setActive(index);
        const element = box.current;
        if (!element) return;
        if (index * rowHeight < element.scrollTop) element.scrollTop = index * rowHeight;
        else if ((index + 1) * rowHeight > element.scrollTop + room) element.scrollTop = (index + 1) * rowHeight - room;
    };
    const page = Math.max(1, Math.floor(room / rowHeight) - 1);
    const onKeyDown = (e: KeyboardEvent) => {
        const to: Record<string, number> = {
            ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: count - 1,
        };
        const target = to[e.key];
        settle();
        if (target !== undefined) {
            e.preventDefault();
            go(target);
        } else if ((e.key === 'Enter' || e.key === ' ') && count > 0 && onOpen) {
            e.preventDefault();
            onOpen(active);
        }
    };
    // Rows are told apart by their place in the window, and so are written anew rather than made anew: a fast scroll
    // changes all of them in every frame.
    const rows = [];
    for (let i = first; i < last; i++) {
        rows.push(
            <div key={i - first} id={`${id}-${i}`} role="option" onClick={onOpen && (() => { setActive(i); onOpen(i); })}
                class={'virtual-row' + (i === active ? ' is-active' : '') + (i === selected ? ' is-selected' : '')}
                aria-selected={i === selected} aria-posinset={i + 1} aria-setsize={count}>
                {row(i)}
            </div>,
        );
    }
    return (
        <div class="virtual" ref={box} role="listbox" aria-label={label} tabIndex={0}
            aria-activedescendant={active >= first && active < last ? `${id}-${active}` : undefined}
            onScroll={(e) => setAt(Math.floor(e.currentTarget.scrollTop / rowHeight / BLOCK))} onKeyDown={onKeyDown}
            onWheel={settle} onPointerDown={settle}>
            <div ref={filler} class="virtual-filler" role="presentation">
                <div ref={part} class="virtual-part" role="presentation">{rows}</div>
            </div>
        </div>
    );
}
