/** A list of any length: only what is in sight is in the document. Rows have one height. */
import { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps {
    count: number;
    rowHeight: number;
    /** Pixels, or a CSS length for max-height. */
    height: number | string;
    label: string;
    row: (index: number) => ComponentChildren;
    rowKey: (index: number) => string | number;
    /** Enter or a click on row INDEX. */
    onOpen?: (index: number) => void;
    /** The row that is shown as chosen. */
    selected?: number | null;
}

const SPARE = 8; // rows above and below what is in sight

/** One tab stop; arrows, Page Up and Down, Home and End move within, Enter opens. */
export function VirtualList({ count, rowHeight, height, label, row, rowKey, onOpen, selected }: VirtualListProps) {
    const box = useRef<HTMLDivElement>(null);
    const filler = useRef<HTMLDivElement>(null);
    const [top, setTop] = useState(0);
    const [room, setRoom] = useState(600);
    const [active, setActive] = useState(0);

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
        if (box.current && box.current.scrollTop > count * rowHeight) box.current.scrollTop = 0;
    }, [count, rowHeight]);
    useEffect(() => {
        if (active >= count) setActive(Math.max(0, count - 1));
    }, [count]);

    const first = Math.max(0, Math.floor(top / rowHeight) - SPARE);
    const last = Math.min(count, Math.ceil((top + room) / rowHeight) + SPARE);

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
        if (target !== undefined) {
            e.preventDefault();
            go(target);
        } else if ((e.key === 'Enter' || e.key === ' ') && count > 0 && onOpen) {
            e.preventDefault();
            onOpen(active);
        }
    };
    const rows = [];
    for (let i = first; i < last; i++) {
        rows.push(
            <VirtualRow key={rowKey(i)} id={`${label}-${i}`} top={i * rowHeight} height={rowHeight} index={i} count={count}
                active={i === active} selected={i === selected} onOpen={onOpen && (() => { setActive(i); onOpen(i); })}>
                {row(i)}
            </VirtualRow>,
        );
    }
    return (
        <div class="virtual" ref={box} role="listbox" aria-label={label} tabIndex={0}
            aria-activedescendant={count > 0 && active >= first && active < last ? `${label}-${active}` : undefined}
            onScroll={(e) => setTop(e.currentTarget.scrollTop)} onKeyDown={onKeyDown}>
            <div ref={filler} class="virtual-filler" role="presentation">{rows}</div>
        </div>
    );
}

interface RowProps {
    id: string;
    top: number;
    height: number;
    index: number;
    count: number;
    active: boolean;
    selected: boolean;
    onOpen: (() => void) | undefined;
    children: ComponentChildren;
}

function VirtualRow({ id, top, height, index, count, active, selected, onOpen, children }: RowProps) {
    return (
        <div id={id} class={'virtual-row' + (active ? ' is-active' : '') + (selected ? ' is-selected' : '')} role="option"
            aria-selected={selected} aria-posinset={index + 1} aria-setsize={count} onClick={onOpen}
            style={{ transform: `translateY(${top}px)`, height: `${height}px` }}>
            {children}
        </div>
    );
}
