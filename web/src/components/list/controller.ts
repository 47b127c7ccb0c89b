/**
 * State and actions of a list: query, chips, order, groups, details. The URL is the state (q, sort, group, open and
 * one parameter per kind of chip), so a link shows the same list. Typing changes a signal at once and the URL a
 * moment later.
 */
import { useSearchParams } from "@solidjs/router";
import { createEffect, createMemo, createSignal, on, onCleanup } from "solid-js";
import { naturalKey } from "@/format/format";
import type { Level } from "@/model/level";
import { prefs, setPrefs } from "@/prefs/prefs";
import { parseQuery, type Language, type Predicate } from "@/query/query";
import { nearestFix, suggest } from "@/query/suggest";
import { compareValues, nextSort, readSort, type SortValue } from "./sort";

export interface ListRow {
  id: string;
  level: Level;
  /** Why the level is what it is, in words. */
  why: string;
}

/** A chip: shows how many rows of the query it would leave. */
export interface Facet<T> {
  param: string;
  value: string;
  label: string;
  level?: Level;
  test: (row: T) => boolean;
  /** Not offered while no row has it. */
  quiet?: boolean;
  /** A line stands before it. */
  apart?: boolean;
}

export interface SortRule<T> {
  value: (row: T) => SortValue;
  ascending?: boolean;
}

export interface Grouping<T> {
  value: string;
  label: string;
  /** The groups that a row belongs to; "" is a group of its own. */
  keys: (row: T) => readonly string[];
  title: (key: string) => string;
  /** What the group's head says beside its title. */
  meta?: (rows: readonly T[], key: string) => string;
  /** Default: by title. */
  order?: (key: string, rows: readonly T[]) => SortValue;
}

export interface Group<T> {
  group: true;
  key: string;
  label: string;
  meta: string;
  rows: T[];
}
export type Item<T> = Group<T> | T;
export const isGroup = <T extends object>(item: Item<T>): item is Group<T> =>
  (item as { group?: unknown }).group === true;

export interface ListSetup<T extends ListRow> {
  /** Names the list in the preferences. */
  key: string;
  /** What `open` calls a row: `open=<kind>:<id>`. */
  kind: string;
  rows: () => readonly T[];
  /** Subscribes to changes inside the rows. */
  touch: () => void;
  language: Language<T>;
  facets: readonly Facet<T>[];
  sorts: Record<string, SortRule<T>>;
  /** Sort text; "" uses `order`. */
  defaultSort?: string;
  /** The list's own order, and the order among equals. */
  order: (a: T, b: T) => number;
  groupings?: readonly Grouping<T>[];
  defaultGroup?: string;
}

const one = (value: string | string[] | undefined): string =>
  Array.isArray(value) ? (value[0] ?? "") : (value ?? "");

function createQuery<T>(setup: ListSetup<T & ListRow>) {
  const [params, setParams] = useSearchParams();
  const [query, setNow] = createSignal(one(params.q));
  let pending: ReturnType<typeof setTimeout> | undefined;
  const setQuery = (text: string) => {
    setNow(text);
    clearTimeout(pending);
    pending = setTimeout(() => setParams({ q: text || undefined }, { replace: true }), 300);
  };
  createEffect(
    on(
      () => one(params.q),
      (fromUrl) => {
        clearTimeout(pending);
        if (fromUrl !== query()) setNow(fromUrl);
      },
      { defer: true },
    ),
  );
  onCleanup(() => clearTimeout(pending));

  const known = createMemo(() => {
    const values = new Set<string>();
    for (const field of setup.language.fields) {
      if (!field.exact || !field.text) continue;
      for (const word of field.words ?? []) values.add(`${field.name}:${word}`);
      if (field.words) continue;
      for (const row of setup.rows()) {
        const have = field.text(row);
        for (const value of typeof have === "string" ? [have] : have)
          if (value) values.add(`${field.name}:${value.toLowerCase()}`);
      }
    }
    return values;
  });
  const parsed = createMemo(() =>
    parseQuery(query(), setup.language, (field, value) => known().has(`${field}:${value}`)),
  );
  const lastGood = createMemo<{ predicate: Predicate<T & ListRow>; text: string }>(
    (before) => {
      const { predicate } = parsed();
      return predicate ? { predicate, text: query() } : before;
    },
    { predicate: () => true, text: "" },
  );
  const recent = () => prefs.recent[setup.key] ?? [];
  return {
    query,
    setQuery,
    parsed,
    lastGood,
    cancel() {
      setNow("");
      clearTimeout(pending);
    },
    keepQuery() {
      const text = query().trim();
      if (!text || parsed().error) return;
      setPrefs("recent", setup.key, [text, ...recent().filter((q) => q !== text)].slice(0, 10));
    },
    forget: (text: string) =>
      setPrefs(
        "recent",
        setup.key,
        recent().filter((q) => q !== text),
      ),
    suggestions: (text: string, caret: number) =>
      suggest(text, caret, setup.rows(), recent(), setup.language),
    fix: () => nearestFix(lastGood().text, setup.rows(), setup.language),
  };
}

export function createList<T extends ListRow>(setup: ListSetup<T>) {
  const [params, setParams] = useSearchParams();
  const get = (name: string) => one(params[name]);
  const query = createQuery<T>(setup as ListSetup<T & ListRow>);

  // --- filters
  const facetParams = [...new Set(setup.facets.map((f) => f.param))];
  const isOn = (facet: Facet<T>) => get(facet.param) === facet.value;
  const toggle = (param: string, value: string) =>
    setParams({ [param]: get(param) === value ? undefined : value }, { replace: true });
  const chosen = createMemo(() => setup.facets.filter(isOn));
  const filtered = () => query.query() !== "" || chosen().length > 0;
  const reset = () => {
    query.cancel();
    setParams(
      { q: undefined, ...Object.fromEntries(facetParams.map((p) => [p, undefined])) },
      { replace: true },
    );
  };

  const matching = createMemo(() => {
    setup.touch();
    const { predicate } = query.lastGood();
    return setup.rows().filter(predicate as Predicate<T>);
  });
  const counts = createMemo(() => {
    const result = new Map<Facet<T>, number>(setup.facets.map((f) => [f, 0]));
    for (const row of matching())
      for (const facet of setup.facets) if (facet.test(row)) result.set(facet, (result.get(facet) ?? 0) + 1);
    return result;
  });
  const shown = createMemo(() => {
    const tests = chosen();
    return tests.length === 0 ? matching() : matching().filter((row) => tests.every((f) => f.test(row)));
  });

  // --- order
  const sort = createMemo(() => readSort(get("sort") || prefs.sort[setup.key] || setup.defaultSort || ""));
  const sortBy = (key: string) => {
    const next = nextSort(sort(), key, setup.sorts[key]?.ascending ?? false, !setup.defaultSort);
    setPrefs("sort", setup.key, next);
    setParams({ sort: next || undefined }, { replace: true });
  };
  const sorted = createMemo(() => {
    const { key, down } = sort();
    const value = setup.sorts[key]?.value;
    return [...shown()].sort(
      (a, b) => (value ? compareValues(value(a), value(b), down) : 0) || setup.order(a, b),
    );
  });

  // --- groups
  const groupBy = () => get("group") || prefs.groups[setup.key] || setup.defaultGroup || "none";
  const setGroupBy = (value: string) => {
    setPrefs("groups", setup.key, value);
    setParams({ group: undefined }, { replace: true });
  };
  const [collapsed, setCollapsed] = createSignal<ReadonlySet<string>>(new Set());
  const toggleGroup = (key: string) =>
    setCollapsed((set) => {
      const next = new Set(set);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const known = new Map<string, Group<T>>();
  const groups = createMemo(() => {
    const rule = setup.groupings?.find((g) => g.value === groupBy());
    if (!rule) return undefined;
    const buckets = new Map<string, T[]>();
    for (const row of sorted())
      for (const key of rule.keys(row)) {
        const bucket = buckets.get(key);
        if (bucket) bucket.push(row);
        else buckets.set(key, [row]);
      }
    const result: { group: Group<T>; at: SortValue }[] = [];
    for (const [key, rows] of buckets) {
      const id = `${rule.value}:${key}`;
      const label = rule.title(key);
      const group = known.get(id) ?? { group: true as const, key: id, label, meta: "", rows };
      Object.assign(group, { label, rows, meta: rule.meta?.(rows, key) ?? "" });
      known.set(id, group);
      result.push({ group, at: rule.order?.(key, rows) ?? naturalKey(label) });
    }
    return result.sort((a, b) => compareValues(a.at, b.at)).map((entry) => entry.group);
  });
  const items = createMemo<Item<T>[]>(() => {
    const all = groups();
    if (!all) return sorted();
    const out: Item<T>[] = [];
    for (const group of all) {
      out.push(group);
      if (!collapsed().has(group.key)) for (const row of group.rows) out.push(row);
    }
    return out;
  });

  // --- details
  const open = createMemo(() => {
    const text = get("open");
    const at = text.indexOf(":");
    return at < 0 ? undefined : { kind: text.slice(0, at), id: text.slice(at + 1) };
  });
  const openId = createMemo(() => (open()?.kind === setup.kind ? (open()?.id ?? "") : ""));
  const openDetails = (kind: string, id: string, replace = false) =>
    setParams({ open: `${kind}:${id}` }, { replace: replace || open() !== undefined });

  return {
    setup,
    touch: setup.touch,
    query: query.query,
    setQuery: query.setQuery,
    keepQuery: query.keepQuery,
    forget: query.forget,
    suggestions: query.suggestions,
    parsed: query.parsed,
    lastGood: query.lastGood,
    fix: query.fix,
    get,
    isOn,
    toggle,
    counts,
    chosen,
    filtered,
    reset,
    matching,
    shown,
    sort,
    sortBy,
    sorted,
    groupBy,
    setGroupBy,
    collapsed,
    toggleGroup,
    items,
    open,
    openId,
    openDetails,
    openRow: (row: T, replace = false) => openDetails(setup.kind, row.id, replace),
    closeDetails: () => setParams({ open: undefined }, { replace: false }),
  };
}
export type List<T extends ListRow> = ReturnType<typeof createList<T>>;
