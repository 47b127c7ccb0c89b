/**
 * A list as a grid: status, name, columns; groups fold, rows recycle their elements. Only rows near the view are in
 * the DOM. Focus moves from row to row; details open on click or Enter.
 */
import { createEffect, For, on, Show, type Accessor } from "solid-js";
import { Icon } from "@/components/Icon";
import { Status } from "@/components/Status";
import { createRecycler } from "@/components/recycle";
import type { Virtual } from "@/components/virtual";
import type { Column, NameColumn } from "./columns";
import { isGroup, type Group, type Item, type ListRow } from "./controller";
import { ColumnHead, StateHead } from "./Heads";
import type { Sort } from "./sort";

/** What the table needs of a list. */
export interface TableModel<T extends ListRow> {
  items: Accessor<readonly Item<T>[]>;
  touch: () => void;
  sort: Accessor<Sort>;
  sortBy: (key: string) => void;
  collapsed: Accessor<ReadonlySet<string>>;
  toggleGroup: (key: string) => void;
  openId: Accessor<string>;
  openRow: (row: T) => void;
}

interface Shared<T extends ListRow> {
  list: TableModel<T>;
  kind: string;
  name: NameColumn<T>;
  columns: readonly Column<T>[];
  /** Off, unknown, disabled: words in grey. */
  muted?: ((row: T) => boolean) | undefined;
  cursor: string;
  onFocus: (id: string) => void;
}

/** The name takes what the others leave. */
export function Cols(props: { columns: readonly { width: number; narrow?: number }[]; narrow: boolean }) {
  return (
    <colgroup>
      <col class="c-st" />
      <col />
      <For each={props.columns}>
        {(column) => (
          <col style={{ width: `${props.narrow ? (column.narrow ?? column.width) : column.width}px` }} />
        )}
      </For>
    </colgroup>
  );
}

function GroupRow<T extends ListRow>(props: { group: Group<T>; list: TableModel<T>; span: number }) {
  const open = () => !props.list.collapsed().has(props.group.key);
  const meta = () => (props.list.touch(), props.group.meta);
  const toggle = () => props.list.toggleGroup(props.group.key);
  return (
    <tr class="group">
      <td>
        <button
          type="button"
          class="grid place-items-center size-6 -ml-1.5"
          aria-expanded={open()}
          onClick={toggle}
        >
          <Icon name="down" small />
          <span class="sr">
            {open() ? "Fold" : "Unfold"} {props.group.label}
          </span>
        </button>
      </td>
      <td colSpan={props.span} onClick={toggle}>
        <strong>{props.group.label}</strong>
        {meta()}
      </td>
    </tr>
  );
}

function Row<T extends ListRow>(props: { table: Shared<T>; row: T; index: number }) {
  const r = () => (props.table.list.touch(), props.row);
  let element: HTMLTableRowElement | undefined;
  // Focus belongs to the resource, not to the element that showed it.
  createEffect(
    on(
      () => props.row.id,
      () => {
        if (element && document.activeElement === element) element.blur();
      },
      { defer: true },
    ),
  );
  return (
    <tr
      ref={element}
      data-row={props.table.kind}
      data-id={props.row.id}
      data-muted={props.table.muted?.(r()) ? "" : undefined}
      aria-selected={props.table.list.openId() === props.row.id}
      aria-rowindex={props.index + 2}
      tabindex={props.table.cursor === props.row.id ? 0 : -1}
      onFocus={() => props.table.onFocus(props.row.id)}
      onClick={() => props.table.list.openRow(props.row)}
    >
      <td data-tip="status">
        <Status level={r().level} label={r().why} />
      </td>
      <th scope="row" class="trunc">
        {props.table.name.cell(r)}
      </th>
      <For each={props.table.columns}>
        {(column) => (
          <td classList={{ num: column.num ?? false }} data-tip={column.tip ? column.key : undefined}>
            {column.cell(r)}
          </td>
        )}
      </For>
    </tr>
  );
}

export function ListTable<T extends ListRow>(
  props: Shared<T> & {
    label: string;
    narrow: boolean;
    virtual: Virtual;
    bodyRef: (el: HTMLTableElement) => void;
    /** What already sticks to the top above the table's head. */
    headTop?: string;
  },
) {
  const items = () => props.list.items();
  const span = () => props.columns.length + 1;
  const visible = () => items().slice(props.virtual.start(), props.virtual.end());
  const slots = createRecycler<Item<T>>(visible, props.virtual.start, (item) =>
    isGroup<T>(item) ? "group" : "row",
  );
  /** The head of the group that the first row belongs to stays in the DOM, so that it can stick. */
  const pinned = (): Group<T> | undefined => {
    const all = items();
    const first = all[props.virtual.start()];
    if (!first || isGroup<T>(first)) return undefined;
    for (let i = props.virtual.start() - 1; i >= 0; i -= 1) {
      const item = all[i];
      if (item && isGroup<T>(item)) return item;
    }
    return undefined;
  };
  const before = () => props.virtual.before() - (pinned() ? 28 : 0);
  return (
    <table
      ref={props.bodyRef}
      class="grid-table"
      role="grid"
      aria-label={props.label}
      aria-rowcount={items().length + 1}
      style={{ "--head-top": props.headTop ?? "0px" }}
    >
      <Cols columns={props.columns} narrow={props.narrow} />
      <thead>
        <tr aria-rowindex={1}>
          <StateHead sort={props.list.sort()} onSort={props.list.sortBy} />
          <ColumnHead
            head={props.name.label}
            sortKey="name"
            sort={props.list.sort()}
            onSort={props.list.sortBy}
          />
          <For each={props.columns}>
            {(column) => (
              <ColumnHead
                head={column.head ?? column.label}
                sortKey={column.sort ? column.key : undefined}
                sort={props.list.sort()}
                onSort={props.list.sortBy}
                num={column.num}
                meter={column.meter}
              />
            )}
          </For>
        </tr>
      </thead>
      <tbody>
        <Show when={pinned()} keyed>
          {(group) => <GroupRow group={group} list={props.list} span={span()} />}
        </Show>
        <Show when={before() > 0}>
          <tr class="pad" aria-hidden="true">
            <td colSpan={span() + 1} style={{ height: `${before()}px` }} />
          </tr>
        </Show>
        <For each={slots()}>
          {(slot) =>
            isGroup<T>(slot.item()) ? (
              <GroupRow group={slot.item() as Group<T>} list={props.list} span={span()} />
            ) : (
              <Row table={props} row={slot.item() as T} index={slot.index()} />
            )
          }
        </For>
        <Show when={props.virtual.after() > 0}>
          <tr class="pad" aria-hidden="true">
            <td colSpan={span() + 1} style={{ height: `${props.virtual.after()}px` }} />
          </tr>
        </Show>
      </tbody>
    </table>
  );
}
