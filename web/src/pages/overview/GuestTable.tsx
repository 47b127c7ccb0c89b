import { createEffect, For, on, Show } from "solid-js";
import { Icon } from "@/components/Icon";
import { Badge, Status } from "@/components/Status";
import { createRecycler } from "@/components/recycle";
import type { Virtual } from "@/components/virtual";
import { guestLink } from "@/live/links";
import { live } from "@/live/live";
import type { GuestRow } from "@/model/guest";
import { safeUrl } from "@/model/node";
import { ariaSort, HeadContent, SortHead, type CellContext } from "./columns";
import { isGroup, type Group, type Item } from "./controller";
import { Cols } from "./NodeTable";

function GroupRow(props: { group: Group; ctx: CellContext; span: number }) {
  const open = () => !props.ctx.page.collapsed().has(props.group.key);
  const meta = () => (live.tick(), props.group.meta);
  const toggle = () => props.ctx.page.toggleGroup(props.group.key);
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

function Row(props: {
  row: GuestRow;
  index: number;
  ctx: CellContext;
  cursor: string;
  onFocus: (id: string) => void;
}) {
  const r = () => (live.tick(), props.row);
  const page = props.ctx.page;
  const selected = () => {
    const open = page.open();
    return open?.kind === "guest" && open.id === props.row.id;
  };
  let element: HTMLTableRowElement | undefined;
  // Focus belongs to the guest, not to the element that showed it.
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
      data-row="guest"
      data-id={props.row.id}
      data-muted={r().power === "off" || r().power === "unknown" ? "" : undefined}
      aria-selected={selected()}
      aria-rowindex={props.index + 2}
      tabindex={props.cursor === props.row.id ? 0 : -1}
      onFocus={() => props.onFocus(props.row.id)}
      onClick={() => page.openDetails("guest", props.row.id)}
    >
      <td data-tip="status">
        <Status level={r().level} label={r().why} />
      </td>
      <th scope="row" class="trunc">
        <span class="row" style={{ gap: "6px" }}>
          <span class="nm trunc">{r().name}</span>
          <Show when={safeUrl(guestLink(props.row.id))} keyed>
            {(url) => (
              <a
                class="muted"
                href={url}
                target="_blank"
                rel="noreferrer noopener"
                tabindex={-1}
                aria-label={`Open ${r().name}`}
                title={url}
                onClick={(event) => event.stopPropagation()}
              >
                <Icon name="ext" small />
              </a>
            )}
          </Show>
          <Show when={r().raw.lock} keyed>
            {(lock) => (
              <Badge title={`Locked by ${lock}`}>
                <Icon name="lock" small />
                {lock}
              </Badge>
            )}
          </Show>
        </span>
      </th>
      <For each={props.ctx.columns()}>
        {(column) => (
          <td class={column.class} classList={{ num: column.num ?? false }} data-tip={column.tip}>
            {column.guest(r, props.ctx)}
          </td>
        )}
      </For>
    </tr>
  );
}

export function GuestTable(props: {
  ctx: CellContext;
  virtual: Virtual;
  cursor: string;
  onFocus: (id: string) => void;
  bodyRef: (el: HTMLTableElement) => void;
}) {
  const page = props.ctx.page;
  const head = () => page.sort();
  const span = () => props.ctx.columns().length + 1;
  const visible = () => page.items().slice(props.virtual.start(), props.virtual.end());
  const slots = createRecycler<Item>(visible, props.virtual.start, (item) =>
    isGroup(item) ? "group" : "guest",
  );
  /** The head of the group that the first row belongs to stays in the DOM, so that it can stick. */
  const pinned = (): Group | undefined => {
    const items = page.items();
    const first = items[props.virtual.start()];
    if (!first || isGroup(first)) return undefined;
    for (let i = props.virtual.start() - 1; i >= 0; i -= 1) {
      const item = items[i];
      if (item && isGroup(item)) return item;
    }
    return undefined;
  };
  const before = () => props.virtual.before() - (pinned() ? 28 : 0);
  return (
    <table
      ref={props.bodyRef}
      class="grid-table"
      role="grid"
      aria-label="Guests"
      aria-rowcount={page.items().length + 1}
      style={{ "--head-top": "var(--ctl-h)" }}
    >
      <Cols ctx={props.ctx} />
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" aria-sort={ariaSort(head().key === "status", head().down)}>
            <button
              type="button"
              class="th-btn"
              title="Sort by state"
              onClick={() => page.sortBy("guests", "status")}
            >
              <span class="sr">State</span>
              <Show when={head().key === "status"} fallback={<span class="size-2.5" />}>
                <Icon name={head().down ? "arrowDown" : "arrowUp"} />
              </Show>
            </button>
          </th>
          <th scope="col" aria-sort={ariaSort(head().key === "name", head().down)}>
            <SortHead
              label="Name"
              sortKey="name"
              sort={head()}
              onSort={(key) => page.sortBy("guests", key)}
            />
          </th>
          <For each={props.ctx.columns()}>
            {(column) => (
              <th
                scope="col"
                class={column.class}
                classList={{ num: column.num ?? false, mt: column.meter ?? false }}
                aria-sort={ariaSort(
                  column.guestSort !== undefined && head().key === column.guestSort,
                  head().down,
                )}
              >
                <SortHead
                  label={<HeadContent text={column.guestHead} />}
                  sortKey={column.guestSort}
                  sort={head()}
                  num={column.num}
                  onSort={(key) => page.sortBy("guests", key)}
                />
              </th>
            )}
          </For>
        </tr>
      </thead>
      <tbody>
        <Show when={pinned()} keyed>
          {(group) => <GroupRow group={group} ctx={props.ctx} span={span()} />}
        </Show>
        <Show when={before() > 0}>
          <tr class="pad" aria-hidden="true">
            <td colSpan={span() + 1} style={{ height: `${before()}px` }} />
          </tr>
        </Show>
        <For each={slots()}>
          {(slot) => {
            const item = slot.item();
            return isGroup(item) ? (
              <GroupRow group={slot.item() as Group} ctx={props.ctx} span={span()} />
            ) : (
              <Row
                row={slot.item() as GuestRow}
                index={slot.index()}
                ctx={props.ctx}
                cursor={props.cursor}
                onFocus={props.onFocus}
              />
            );
          }}
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
