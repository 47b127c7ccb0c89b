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
  const bound = new Map<T, OwnSlot<T>>();
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
      const wanted = new Set(items);
      const free = new Map<string, OwnSlot<T>[]>();
      for (const [item, slot] of bound) {
        if (wanted.has(item)) continue;
        bound.delete(item);
        const kind = kindOf(item);
        const list = free.get(kind);
        if (list) list.push(slot);
        else free.set(kind, [slot]);
      }
      return items.map((item, i) => {
        const kept = bound.get(item);
        const slot = kept ?? free.get(kindOf(item))?.pop() ?? make(item, first + i);
        slot.set(item, first + i);
        bound.set(item, slot);
        return slot;
      });
    });
  });
}
