/** Column heads: words, and a button where the column sorts. */
import { Show, type JSX } from "solid-js";
import { Icon } from "@/components/Icon";
import type { Sort } from "./sort";

export const ariaSort = (active: boolean, down: boolean) =>
  active ? (down ? "descending" : "ascending") : undefined;

export function HeadContent(props: { text: string | readonly [string, string] }) {
  return (
    <Show when={Array.isArray(props.text)} fallback={props.text as string}>
      <span class="io">
        <span>{(props.text as readonly [string, string])[0]}</span>
        <span>{(props.text as readonly [string, string])[1]}</span>
      </span>
    </Show>
  );
}

export function SortHead(props: {
  label: JSX.Element;
  sortKey: string | undefined;
  sort: Sort;
  onSort: (key: string) => void;
  num?: boolean | undefined;
}) {
  const active = () => props.sortKey !== undefined && props.sort.key === props.sortKey;
  return (
    <Show when={props.sortKey} keyed fallback={props.label}>
      {(key) => (
        <button
          type="button"
          class="th-btn"
          style={props.num ? { width: "100%" } : undefined}
          onClick={() => props.onSort(key)}
        >
          <span style={props.num ? { flex: "1" } : undefined}>{props.label}</span>
          <Show when={active()}>
            <Icon name={props.sort.down ? "arrowDown" : "arrowUp"} />
          </Show>
        </button>
      )}
    </Show>
  );
}

export function ColumnHead(props: {
  head: string | readonly [string, string];
  sortKey: string | undefined;
  sort: Sort;
  onSort: (key: string) => void;
  num?: boolean | undefined;
  meter?: boolean | undefined;
}) {
  return (
    <th
      scope="col"
      classList={{ num: props.num ?? false, mt: props.meter ?? false }}
      aria-sort={ariaSort(props.sortKey !== undefined && props.sort.key === props.sortKey, props.sort.down)}
    >
      <SortHead
        label={<HeadContent text={props.head} />}
        sortKey={props.sortKey}
        sort={props.sort}
        num={props.num}
        onSort={props.onSort}
      />
    </th>
  );
}

/** The head over the status shapes: no words, sorts by severity. */
export function StateHead(props: { sort: Sort; onSort?: (key: string) => void }) {
  return (
    <th scope="col" aria-sort={ariaSort(props.sort.key === "status", props.sort.down)}>
      <Show when={props.onSort} keyed fallback={<span class="sr">State</span>}>
        {(onSort) => (
          <button type="button" class="th-btn" title="Sort by state" onClick={() => onSort("status")}>
            <span class="sr">State</span>
            <Show when={props.sort.key === "status"} fallback={<span class="size-2.5" />}>
              <Icon name={props.sort.down ? "arrowDown" : "arrowUp"} />
            </Show>
          </button>
        )}
      </Show>
    </th>
  );
}
