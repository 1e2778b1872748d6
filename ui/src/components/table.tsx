/** A table whose columns are described once; on narrow screens its rows become cards. */
import { ComponentChildren } from 'preact';
import type { List } from '../hooks';
import { Button, ErrorNote, Loading } from './basic';

export interface Column<T> {
    head: string;
    cell: (item: T) => ComponentChildren;
    /** 'num': right-aligned figures; 'main': takes the room that is left; 'shrink': no wider than it must; 'corner': the same,
     *  and in the corner of a card. */
    kind?: 'num' | 'main' | 'shrink' | 'corner';
    /** The heading is for screen readers only (checkboxes, buttons). */
    hideHead?: boolean;
}

interface TableProps<T> {
    label: string;
    columns: Column<T>[];
    items: T[];
    id: (item: T) => string | number;
    rowClass?: (item: T) => string;
}

export function Table<T>({ label, columns, items, id, rowClass }: TableProps<T>) {
    return (
        <table class="table" aria-label={label}>
            <thead>
                <tr>
                    {columns.map((c) => (
                        <th key={c.head} scope="col" class={c.kind ? 'col-' + c.kind : undefined}>
                            {c.hideHead ? <span class="visually-hidden">{c.head}</span> : c.head}
                        </th>
                    ))}
                </tr>
            </thead>
            <tbody>
                {items.map((item) => (
                    <tr key={id(item)} class={rowClass?.(item)}>
                        {columns.map((c) => (
                            <td key={c.head} class={c.kind ? 'col-' + c.kind : undefined} data-head={c.hideHead ? '' : c.head}>
                                {c.cell(item)}
                            </td>
                        ))}
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

/** A list from useList() as a table: its loading, error and empty states, and a button for the page behind it. */
export function PagedTable<T>({ list, empty, ...table }: Omit<TableProps<T>, 'items'> & { list: List<T>; empty: ComponentChildren }) {
    if (list.items.length === 0) {
        if (list.error) return <ErrorNote error={list.error} retry={list.reload} />;
        return list.loading ? <Loading lines={8} /> : <>{empty}</>;
    }
    return (
        <>
            <Table {...table} items={list.items} />
            {list.error && <ErrorNote error={list.error} retry={list.more} />}
            {list.hasMore && !list.error && (
                <div class="more"><Button busy={list.loading} onClick={list.more}>Show more</Button></div>
            )}
        </>
    );
}
