/** Where one is in a list: what is in the DOM, which row has the focus, and the keys that move it. */
import { createEffect, createMemo, createSignal, on, onCleanup } from "solid-js";
import { createShortcuts, type Shortcut } from "@/components/Shortcuts";
import { createVirtual, cssPixels } from "@/components/virtual";
import { prefs } from "@/prefs/prefs";
import { isGroup, type List, type ListRow } from "./controller";

const GROUP = 28;
const HEAD = 26;

export function createListView<T extends ListRow>(
  list: List<T>,
  options: {
    phone: () => boolean;
    /** More keys of the page. */
    shortcuts?: Shortcut[];
    /** Moves through something else that is open, such as the nodes above the guests; true when it did. */
    moveOther?: (step: number) => boolean;
    noun?: string;
  },
) {
  const [scroller, setScroller] = createSignal<HTMLElement>();
  const [table, setTable] = createSignal<HTMLTableElement>();
  const [cursor, setCursor] = createSignal("");
  const [width, setWidth] = createSignal(1440);
  let queryInput: HTMLInputElement | undefined;

  const heights = createMemo(() => {
    void prefs.density;
    const row = cssPixels("--row-h") || 28;
    return list.items().map((item) => (isGroup<T>(item) ? GROUP : row));
  });
  const virtual = createVirtual({
    scroller,
    list: table,
    lead: HEAD,
    covered: () => (cssPixels("--ctl-h") || 44) + HEAD + (list.groupBy() === "none" ? 0 : GROUP),
    heights,
  });

  // A row may stand in the list more than once, under several tags: the place says which one is meant.
  let place = -1;
  const indexOf = (id: string) => {
    const here = list.items()[place];
    if (here && !isGroup<T>(here) && here.id === id) return place;
    return list.items().findIndex((item) => !isGroup<T>(item) && item.id === id);
  };
  const focusRow = (id: string, index = indexOf(id)) => {
    setCursor(id);
    place = index;
    if (index >= 0) virtual.reveal(index);
    queueMicrotask(() =>
      table()
        ?.querySelector<HTMLElement>(`tr[data-row][aria-rowindex="${index + 2}"]`)
        ?.focus(),
    );
  };
  const move = (step: number) => {
    if (options.moveOther?.(step)) return;
    const items = list.items();
    let at = indexOf(list.openId() || cursor());
    let next = items[(at += step)];
    while (next && isGroup<T>(next)) next = items[(at += step)];
    if (!next || isGroup<T>(next)) return;
    focusRow(next.id, at);
    if (list.open()) list.openRow(next, true);
  };
  const noun = options.noun ?? "row";
  createShortcuts([
    { keys: ["/"], label: "filter", run: () => queryInput?.select() },
    { keys: ["j", "ArrowDown"], label: `next ${noun}`, run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: `previous ${noun}`, run: () => move(-1) },
    {
      keys: ["Enter"],
      label: `details of the ${noun}`,
      run: () => {
        const item = list.items()[indexOf(cursor())];
        if (item && !isGroup<T>(item)) list.openRow(item);
      },
    },
    { keys: ["Escape"], label: "close the details", run: () => list.open() && list.closeDetails() },
    ...(options.shortcuts ?? []),
  ]);
  // The first row takes the Tab stop until somebody moves.
  createEffect(() => {
    if (cursor() && indexOf(cursor()) >= 0) return;
    const first = list.items().find((item) => !isGroup<T>(item));
    setCursor(first && !isGroup<T>(first) ? first.id : "");
  });
  createEffect(
    on(list.openId, (open, before) => {
      if (open) setCursor(open);
      else if (before && !options.phone()) focusRow(before);
    }),
  );

  return {
    scroller,
    setScroller,
    setTable,
    cursor,
    setCursor,
    virtual,
    width,
    watchWidth(el: HTMLElement) {
      const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 1440));
      observer.observe(el);
      onCleanup(() => observer.disconnect());
    },
    move,
    queryRef: (el: HTMLInputElement) => (queryInput = el),
  };
}
export type ListView = ReturnType<typeof createListView<ListRow>>;
