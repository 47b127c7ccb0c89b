/** What a list can show of a row, and which of it fits. */
import type { Accessor, JSX } from "solid-js";
import { prefs, setPrefs } from "@/prefs/prefs";
import type { SortValue } from "./sort";

export interface Column<T> {
  key: string;
  label: string;
  /** Pixels; meters have a second width, without their used / total. */
  width: number;
  narrow?: number;
  /** 1 always stays; 4 leaves first. */
  priority: number;
  /** Two words stand over two numbers of one cell. Default: the label. */
  head?: string | readonly [string, string];
  sort?: (row: T) => SortValue;
  /** The first click sorts small to large. */
  ascending?: boolean;
  num?: boolean;
  meter?: boolean;
  hiddenAtFirst?: boolean;
  cell: (row: Accessor<T>) => JSX.Element;
  /** Words behind the cell; they also stand in the details. */
  tip?: (row: T) => string | undefined;
}

/** The first column takes the room that the others leave. */
export interface NameColumn<T> {
  label: string;
  sort: (row: T) => SortValue;
  cell: (row: Accessor<T>) => JSX.Element;
  /** Pixels it needs at least. */
  min?: number;
}

export interface Fit<C> {
  columns: C[];
  /** Meters without their used / total. */
  narrow: boolean;
}

export interface Fitting {
  key: string;
  width: number;
  narrow?: number;
  priority: number;
}

const STATE = 40;

/**
 * Columns leave by priority as the list narrows; the name never gets less than it needs, and the list never scrolls
 * sideways. They leave the DOM, not only the screen: a colspan over hidden columns would invent new ones.
 */
export function fitColumns<C extends Fitting>(
  wanted: readonly C[],
  width: number,
  options: {
    name?: number;
    /** Essentials that leave one by one when even they do not fit. */ last?: readonly string[];
  } = {},
): Fit<C> {
  const base = STATE + (options.name ?? 150);
  const stages = [
    [4, false],
    [3, false],
    [2, false],
    [2, true],
    [1, true],
  ] as const;
  for (const [room, narrow] of stages) {
    const columns = wanted.filter((c) => c.priority <= room);
    const total = () => columns.reduce((sum, c) => sum + (narrow ? (c.narrow ?? c.width) : c.width), base);
    if (room === 1)
      for (const key of options.last ??
        columns
          .slice(1)
          .map((c) => c.key)
          .toReversed()) {
        if (total() <= width) break;
        const at = columns.findIndex((c) => c.key === key);
        if (at >= 0) columns.splice(at, 1);
      }
    if (room === 1 || total() <= width) return { columns, narrow };
  }
  return { columns: [...wanted], narrow: true };
}

interface Choosable {
  key: string;
  label: string;
  hiddenAtFirst?: boolean;
}

/** Which columns of a table are wanted and in which order, kept in the preferences under `table`. */
export function columnChoice<C extends Choosable>(table: string, all: () => readonly C[]) {
  const delivered = () =>
    all()
      .filter((c) => c.hiddenAtFirst)
      .map((c) => c.key);
  const hidden = () => prefs.hidden[table] ?? delivered();
  /** Columns that a stored order does not know stay at their place at the end. */
  const ordered = (): C[] => {
    const order = prefs.order[table] ?? [];
    const at = (key: string, i: number) => {
      const index = order.indexOf(key);
      return index < 0 ? 100 + i : index;
    };
    return all()
      .map((column, i) => ({ column, at: order.length ? at(column.key, i) : i }))
      .sort((a, b) => a.at - b.at)
      .map((entry) => entry.column);
  };
  return {
    hidden,
    ordered,
    wanted: () => ordered().filter((c) => !hidden().includes(c.key)),
    toggle(key: string) {
      const now = hidden();
      setPrefs("hidden", table, now.includes(key) ? now.filter((k) => k !== key) : [...now, key]);
    },
    move(key: string, step: number) {
      const order = ordered().map((c) => c.key);
      const from = order.indexOf(key);
      const to = from + step;
      if (to < 0 || to >= order.length) return;
      order.splice(to, 0, ...order.splice(from, 1));
      setPrefs("order", table, order);
    },
    reset() {
      setPrefs("order", table, []);
      setPrefs("hidden", table, delivered());
    },
  };
}
export type ColumnChoice = ReturnType<typeof columnChoice<Choosable>>;
