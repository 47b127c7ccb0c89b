/**
 * Rows of a virtual list that keep their DOM: a row that leaves the view lends its elements to one that enters.
 * Filling in new values costs a fraction of building a row, which is what filtering and scrolling repeat.
 */
import { createMemo, createSignal, untrack, type Accessor } from "solid-js";

export interface Slot<T> {
  item: Accessor<T>;
  index: Accessor<number>;
}
interface OwnSlot<T> extends Slot<T> {
  set(item: T, index: number): void;
}

export function createRecycler<T extends object>(
  visible: Accessor<readonly T[]>,
  start: Accessor<number>,
  kindOf: (item: T) => string,
): Accessor<Slot<T>[]> {
  /** An item may stand in the list more than once: grouped by tag, a guest has as many rows as tags. */
  let bound = new Map<T, OwnSlot<T>[]>();
  const make = (item: T, index: number): OwnSlot<T> => {
    const [current, setCurrent] = createSignal<T>(item, { equals: (a, b) => a === b });
    const [at, setAt] = createSignal(index);
    return {
      item: current,
      index: at,
      set(next, place) {
        setCurrent(() => next);
        setAt(place);
      },
    };
  };
  return createMemo(() => {
    const items = visible();
    const first = start();
    return untrack(() => {
      const next = new Map<T, OwnSlot<T>[]>();
      const waiting: number[] = [];
      const slots: (OwnSlot<T> | undefined)[] = items.map((item, i) => {
        const kept = bound.get(item)?.shift();
        if (!kept) waiting.push(i);
        return kept;
      });
      const free = new Map<string, OwnSlot<T>[]>();
      for (const [item, left] of bound) {
        const kind = kindOf(item);
        const list = free.get(kind) ?? [];
        list.push(...left);
        free.set(kind, list);
      }
      for (const i of waiting) {
        const item = items[i];
        if (item) slots[i] = free.get(kindOf(item))?.pop() ?? make(item, first + i);
      }
      const result: OwnSlot<T>[] = [];
      for (const [i, slot] of slots.entries()) {
        const item = items[i];
        if (!slot || !item) continue;
        slot.set(item, first + i);
        const list = next.get(item);
        if (list) list.push(slot);
        else next.set(item, [slot]);
        result.push(slot);
      }
      bound = next;
      return result;
    });
  });
}
