/**
 * A page that is a list: filter, chips, table (cards on a phone), details beside it. The page says what its rows
 * are; everything else is the same everywhere.
 */
import {
  createEffect,
  createMemo,
  createSignal,
  For,
  Show,
  Suspense,
  type Accessor,
  type JSX,
} from "solid-js";
import { Icon } from "@/components/Icon";
import { createMedia } from "@/components/media";
import { ScrollRow } from "@/components/ScrollRow";
import { Tip } from "@/components/Tip";
import { createVirtual } from "@/components/virtual";
import { live } from "@/live/live";
import { Loading } from "./Loading";
import { columnChoice, fitColumns, type Column, type ColumnChoice, type NameColumn } from "./columns";
import { Chips, Controls, ListQuery, NoMatch, QueryError, ViewMenu } from "./Controls";
import { isGroup, type List, type ListRow, type SortRule } from "./controller";
import { aged, Footer } from "./Frame";
import { ListTable } from "./ListTable";
import { createListView } from "./view";

export interface ListPageProps<T extends ListRow> {
  list: List<T>;
  /** The page's name; read by screen readers. */
  title: string;
  name: NameColumn<T>;
  columns: readonly Column<T>[];
  example?: string;
  muted?: (row: T) => boolean;
  /** Instead of the list while there are no rows at all: why, and what to do. */
  empty: () => JSX.Element;
  /** Above the control line, while there are rows: of nothing there is nothing to say. */
  before?: () => JSX.Element;
  /** At the right of the control line. */
  tools?: (() => JSX.Element) | undefined;
  /** At the left of the footer. */
  foot?: () => JSX.Element;
  card: (row: Accessor<T>) => JSX.Element;
  cardHeight: number;
  /** Ids of the rows near the view, for what is asked for row by row. */
  onVisible?: (ids: string[]) => void;
  details: (id: Accessor<string>, onMove: (step: number) => void) => JSX.Element;
}

/** The sort rules of columns, for `createList`. */
export function sortsOf<T extends ListRow>(
  name: NameColumn<T>,
  columns: readonly Column<T>[],
  levelOrder: (row: T) => number,
): Record<string, SortRule<T>> {
  const rules: Record<string, SortRule<T>> = {
    name: { value: name.sort, ascending: true },
    status: { value: levelOrder, ascending: true },
  };
  for (const column of columns)
    if (column.sort) rules[column.key] = { value: column.sort, ascending: column.ascending ?? false };
  return rules;
}

const GROUP_HEAD = 34;

/** The same list as cards, with a menu for what heads are clicked for elsewhere. */
export function PhoneList<T extends ListRow>(props: {
  page: Pick<ListPageProps<T>, "list" | "before" | "tools" | "card" | "cardHeight"> & {
    name: Pick<NameColumn<T>, "label">;
    columns: readonly { key: string; label: string; sort?: unknown }[];
  };
  choice: ColumnChoice;
  queryRef: (el: HTMLInputElement) => void;
}) {
  const [scroller, setScroller] = createSignal<HTMLElement>();
  const [body, setBody] = createSignal<HTMLElement>();
  const list = () => props.page.list;
  const heights = createMemo(() =>
    list()
      .items()
      .map((item) => (isGroup<T>(item) ? GROUP_HEAD : props.page.cardHeight)),
  );
  const virtual = createVirtual({ scroller, list: body, lead: 0, covered: () => 0, heights });
  const sorts = () => [
    { key: "name", label: props.page.name.label },
    ...props.page.columns.filter((c) => c.sort).map((c) => ({ key: c.key, label: c.label })),
  ];
  return (
    <div class="scroll flex-1 min-w-0" ref={setScroller} style={{ "overflow-x": "hidden" }}>
      <div>
        {props.page.before?.()}
        <Show when={props.page.tools}>
          <div class="phone-tools">{props.page.tools?.()}</div>
        </Show>
        <div class="phone-filter row">
          <div class="flex-1 min-w-0">
            <ListQuery list={list()} ref={props.queryRef} />
          </div>
          <ViewMenu list={list()} choice={props.choice} phone sorts={sorts()} />
        </div>
        <QueryError list={list()} />
        <ScrollRow label="Filters">
          <Chips list={list()} />
        </ScrollRow>
        <div ref={setBody} class="cards">
          <div style={{ height: `${virtual.before()}px` }} />
          <For each={list().items().slice(virtual.start(), virtual.end())}>
            {(item) =>
              isGroup<T>(item) ? (
                <button
                  type="button"
                  class="gh"
                  aria-expanded={!list().collapsed().has(item.key)}
                  onClick={() => list().toggleGroup(item.key)}
                >
                  <Icon name="down" small />
                  <b>{item.label}</b>
                  <span class="muted trunc">{item.meta || item.rows.length}</span>
                </button>
              ) : (
                <a
                  class="gc"
                  data-row={list().setup.kind}
                  style={{ height: `${props.page.cardHeight}px` }}
                  href={`?open=${encodeURIComponent(`${list().setup.kind}:${item.id}`)}`}
                  onClick={(event) => {
                    event.preventDefault();
                    list().openRow(item);
                  }}
                >
                  {props.page.card(() => (list().touch(), item))}
                </a>
              )
            }
          </For>
          <div style={{ height: `${virtual.after()}px` }} />
        </div>
        <Show when={list().items().length === 0}>
          <NoMatch list={list()} />
        </Show>
      </div>
    </div>
  );
}

export function ListPage<T extends ListRow>(props: ListPageProps<T>) {
  const phone = createMedia("(width < 640px)");
  // The list of a page never changes while the page lives.
  const list = props.list;
  const view = createListView(list, { phone, noun: list.setup.language.what[0] });
  const choice = columnChoice<Column<T>>(list.setup.key, () => props.columns);
  const fit = createMemo(() => fitColumns(choice.wanted(), view.width(), { name: props.name.min ?? 150 }));
  const columns = createMemo(() => fit().columns, [], {
    equals: (a, b) => a.length === b.length && a.every((column, i) => column === b[i]),
  });
  createEffect(() => {
    const near = list.items().slice(view.virtual.start(), Math.max(view.virtual.end(), 40));
    props.onVisible?.(near.flatMap((item) => (isGroup<T>(item) ? [] : [item.id])));
  });
  const hasRows = () => list.setup.rows().length > 0;
  const tip = (target: HTMLElement): string | undefined => {
    const id = target.closest<HTMLElement>("tr[data-id]")?.dataset.id;
    const row = list.setup.rows().find((r) => r.id === id);
    if (!row) return undefined;
    if (target.dataset.tip === "status") return row.why;
    return props.columns.find((c) => c.key === target.dataset.tip)?.tip?.(row);
  };

  return (
    <>
      <div class="body" data-aged={aged() ? "" : undefined}>
        <main class="main" ref={view.watchWidth} data-narrow={fit().narrow ? "" : undefined}>
          <h1 class="sr">{props.title}</h1>
          <Show when={live.loaded()} fallback={<Loading />}>
            <Show
              when={hasRows()}
              fallback={
                <div class="scroll flex-1 flex flex-col" style={{ "overflow-x": "hidden" }}>
                  <Show when={props.tools}>
                    <div class="ctl">
                      <span class="spacer" />
                      {props.tools?.()}
                    </div>
                  </Show>
                  {props.empty()}
                </div>
              }
            >
              <Show
                when={!phone()}
                fallback={<PhoneList page={props} choice={choice} queryRef={view.queryRef} />}
              >
                <div class="scroll flex-1" ref={view.setScroller} style={{ "overflow-x": "hidden" }}>
                  <div>
                    {props.before?.()}
                    <Controls
                      list={list}
                      narrow={list.open() !== undefined}
                      queryRef={view.queryRef}
                      {...(props.example ? { example: props.example } : {})}
                    >
                      {props.tools?.()}
                      <ViewMenu list={list} choice={choice} />
                    </Controls>
                    <ListTable
                      list={list}
                      kind={list.setup.kind}
                      label={props.title}
                      name={props.name}
                      columns={columns()}
                      narrow={fit().narrow}
                      muted={props.muted}
                      virtual={view.virtual}
                      cursor={view.cursor()}
                      onFocus={view.setCursor}
                      bodyRef={view.setTable}
                      headTop="var(--ctl-h)"
                    />
                    <Show when={list.items().length === 0}>
                      <NoMatch list={list} />
                    </Show>
                  </div>
                </div>
              </Show>
            </Show>
          </Show>
        </main>
        <Suspense>
          <Show when={list.openId()}>{(id) => props.details(id, view.move)}</Show>
        </Suspense>
      </div>
      <Tip root={view.scroller} text={tip} />
      <Show when={!phone() && hasRows()}>
        <Footer>{props.foot?.()}</Footer>
      </Show>
    </>
  );
}
