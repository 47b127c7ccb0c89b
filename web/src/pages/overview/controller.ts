/**
 * State and actions of the Proxmox overview. The URL is the state: q, type, st, problems, sort, group, open.
 * Typing changes a signal at once and the URL a moment later.
 */
import { useSearchParams } from "@solidjs/router";
import { createEffect, createMemo, createSignal, on, onCleanup } from "solid-js";
import { live } from "@/live/live";
import { isProblem, naturalKey, type GuestRow, type Power } from "@/model/guest";
import { LEVEL_ORDER } from "@/model/level";
import { versionOf, type NodeRow } from "@/model/node";
import { plural } from "@/format/format";
import { prefs, setPrefs, type GroupBy } from "@/prefs/prefs";
import { asTerm, hasTerm, parseQuery, STATUS_WORDS, toggleTerm, type Predicate } from "@/query/query";
import { nearestFix } from "@/query/suggest";
import { attention } from "./attention";

export interface Group {
  group: true;
  key: string;
  label: string;
  meta: string;
  rows: GuestRow[];
  node: NodeRow | undefined;
}
export type Item = Group | GuestRow;
export const isGroup = (item: Item): item is Group => "group" in item;

export type SortKey =
  "name" | "id" | "node" | "cpu" | "mem" | "disk" | "net" | "io" | "backup" | "uptime" | "status";

type SortValue = number | string | null;
const SORT: Record<SortKey, (row: GuestRow) => SortValue> = {
  name: (r) => r.sortName,
  id: (r) => r.vmid,
  node: (r) => r.node,
  status: (r) => LEVEL_ORDER[r.level],
  cpu: (r) => r.cpu,
  mem: (r) => r.mem,
  disk: (r) => r.disk,
  net: (r) => (r.netIn === null ? null : r.netIn + (r.netOut ?? 0)),
  io: (r) => (r.read === null ? null : r.read + (r.write ?? 0)),
  backup: (r) => r.backup,
  uptime: (r) => r.uptime,
};
/** Names and ids begin small; what is measured begins large, because that is what one looks for. */
const ASCENDING_FIRST = new Set<string>(["name", "id", "node", "status", "version", "backup"]);

type NodeSort =
  "name" | "version" | "guests" | "cpu" | "mem" | "disk" | "load" | "temp" | "uptime" | "status";
const NODE_SORT: Record<NodeSort, (row: NodeRow) => SortValue> = {
  name: (r) => naturalKey(r.name),
  status: (r) => LEVEL_ORDER[r.level],
  version: (r) => naturalKey(versionOf(r.raw)),
  guests: (r) => r.cores,
  cpu: (r) => r.cpu,
  mem: (r) => r.mem,
  disk: (r) => r.disk,
  load: (r) => r.raw.loadAverage?.[0] ?? null,
  temp: (r) => r.temp,
  uptime: (r) => r.uptime,
};

function compare(a: SortValue, b: SortValue, down: boolean): number {
  // Empty values come last, whatever the direction.
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = a < b ? -1 : a > b ? 1 : 0;
  return down ? -order : order;
}

export interface Sort {
  key: string;
  down: boolean;
}
const readSort = (text: string | undefined, fallback: string): Sort => {
  const value = text || fallback;
  return value.startsWith("-") ? { key: value.slice(1), down: true } : { key: value, down: false };
};

type Params = {
  q?: string;
  type?: string;
  st?: string;
  problems?: string;
  sort?: string;
  nsort?: string;
  group?: string;
  open?: string;
};

export function createOverview() {
  const [params, setParams] = useSearchParams<Params>();
  const one = (value: string | string[] | undefined): string =>
    Array.isArray(value) ? (value[0] ?? "") : (value ?? "");

  // --- query
  const [query, setQueryNow] = createSignal(one(params.q));
  let pending: ReturnType<typeof setTimeout> | undefined;
  const setQuery = (text: string) => {
    setQueryNow(text);
    clearTimeout(pending);
    pending = setTimeout(() => setParams({ q: text || undefined }, { replace: true }), 300);
  };
  createEffect(
    on(
      () => one(params.q),
      (fromUrl) => {
        clearTimeout(pending);
        if (fromUrl !== query()) setQueryNow(fromUrl);
      },
      { defer: true },
    ),
  );
  onCleanup(() => clearTimeout(pending));

  const knownValues = createMemo(() => {
    const known = new Set(["type:vm", "type:ct", "type:qemu", "type:lxc", "type:oci"]);
    for (const word of STATUS_WORDS) known.add(`status:${word}`);
    for (const row of live.guests()) {
      for (const tag of row.tags) known.add(`tag:${tag.toLowerCase()}`);
      if (row.pool) known.add(`pool:${row.pool.toLowerCase()}`);
    }
    return known;
  });
  const parsed = createMemo(() =>
    parseQuery(query(), (field, value) => knownValues().has(`${field}:${value}`)),
  );
  const lastGood = createMemo<{ predicate: Predicate; text: string }>(
    (before) => {
      const { predicate } = parsed();
      return predicate ? { predicate, text: query() } : before;
    },
    { predicate: () => true, text: "" },
  );
  const keepQuery = () => {
    const text = query().trim();
    if (!text || parsed().error) return;
    setPrefs("recentQueries", (all) => [text, ...all.filter((q) => q !== text)].slice(0, 10));
  };

  // --- filters
  const type = () => one(params.type);
  const power = () => one(params.st) as Power | "";
  const problemsOnly = () => one(params.problems) === "1";
  const toggle = (key: "type" | "st" | "problems", value: string) =>
    setParams({ [key]: one(params[key]) === value ? undefined : value }, { replace: true });
  const reset = () => {
    setQueryNow("");
    clearTimeout(pending);
    setParams({ q: undefined, type: undefined, st: undefined, problems: undefined }, { replace: true });
  };
  const filtered = () => query() !== "" || type() !== "" || power() !== "" || problemsOnly();

  const matching = createMemo(() => {
    live.tick();
    const { predicate } = lastGood();
    return live.guests().filter(predicate);
  });
  const counts = createMemo(() => {
    const c = { all: 0, problems: 0, VM: 0, CT: 0, running: 0, off: 0, paused: 0, unknown: 0 };
    for (const row of matching()) {
      c.all += 1;
      c[row.kind] += 1;
      c[row.power] += 1;
      if (isProblem(row)) c.problems += 1;
    }
    return c;
  });
  const shown = createMemo(() => {
    const t = type();
    const p = power();
    const bad = problemsOnly();
    if (!t && !p && !bad) return matching();
    return matching().filter(
      (row) => (!t || row.kind.toLowerCase() === t) && (!p || row.power === p) && (!bad || isProblem(row)),
    );
  });
  const shownCounts = createMemo(() => {
    const c = { running: 0, off: 0, paused: 0, unknown: 0, problems: 0 };
    for (const row of shown()) {
      c[row.power] += 1;
      if (isProblem(row)) c.problems += 1;
    }
    return c;
  });

  // --- order
  const sort = createMemo(() => readSort(one(params.sort) || prefs.sort.guests, "id"));
  const nodeSort = createMemo(() => readSort(one(params.nsort) || prefs.sort.nodes, ""));
  const sortBy = (table: "guests" | "nodes", key: string) => {
    const current = table === "guests" ? sort() : nodeSort();
    const first = ASCENDING_FIRST.has(key) ? key : `-${key}`;
    let next = first;
    if (current.key === key) {
      const flipped = current.down ? key : `-${key}`;
      // A third click on a node column returns to worst first.
      next = table === "nodes" && flipped === first ? "" : flipped;
    }
    setPrefs("sort", table, next);
    setParams({ [table === "guests" ? "sort" : "nsort"]: next || undefined }, { replace: true });
  };
  const sorted = createMemo(() => {
    const { key, down } = sort();
    const value = SORT[key as SortKey] ?? SORT.id;
    return [...shown()].sort((a, b) => compare(value(a), value(b), down) || a.vmid - b.vmid);
  });

  const nodes = createMemo(() => {
    live.tick();
    const { key, down } = nodeSort();
    const value = NODE_SORT[key as NodeSort];
    return [...live.nodes()].sort((a, b) =>
      value
        ? compare(value(a), value(b), down) || compare(naturalKey(a.name), naturalKey(b.name), false)
        : LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level] ||
          compare(naturalKey(a.name), naturalKey(b.name), false),
    );
  });

  // --- groups
  const groupBy = (): GroupBy => (one(params.group) as GroupBy) || prefs.groupBy;
  const setGroupBy = (value: GroupBy) => {
    setPrefs("groupBy", value);
    setParams({ group: undefined }, { replace: true });
  };
  const [collapsed, setCollapsed] = createSignal<ReadonlySet<string>>(new Set());
  const toggleGroup = (key: string) =>
    setCollapsed((set) => {
      const next = new Set(set);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const known = new Map<string, Group>();
  const groups = createMemo(() => {
    const by = groupBy();
    if (by === "none") return undefined;
    const buckets = new Map<string, GuestRow[]>();
    for (const row of sorted()) {
      const keys =
        by === "node"
          ? [`${row.instance}\u0000${row.node}`]
          : by === "tag"
            ? row.tags.length > 0
              ? row.tags
              : [""]
            : [by === "pool" ? row.pool : row.instance];
      for (const key of keys) {
        const bucket = buckets.get(key);
        if (bucket) bucket.push(row);
        else buckets.set(key, [row]);
      }
    }
    const nodeOf = new Map(live.nodes().map((node) => [`${node.instance}\u0000${node.name}`, node]));
    const result: Group[] = [];
    for (const [key, rows] of buckets) {
      const id = `${by}:${key}`;
      const node = by === "node" ? nodeOf.get(key) : undefined;
      const label = by === "node" ? (key.split("\u0000")[1] ?? "") : key || `without ${by}`;
      const group = known.get(id) ?? { group: true as const, key: id, label, meta: "", rows, node };
      group.rows = rows;
      group.node = node;
      group.meta = groupMeta(rows, node);
      known.set(id, group);
      result.push(group);
    }
    return result.sort((a, b) => compare(naturalKey(a.label), naturalKey(b.label), false));
  });
  const items = createMemo<Item[]>(() => {
    const all = groups();
    if (!all) return sorted();
    const out: Item[] = [];
    for (const group of all) {
      out.push(group);
      if (!collapsed().has(group.key)) for (const row of group.rows) out.push(row);
    }
    return out;
  });

  // --- details
  const open = createMemo(() => {
    const text = one(params.open);
    const at = text.indexOf(":");
    return at < 0 ? undefined : { kind: text.slice(0, at), id: text.slice(at + 1) };
  });
  const openDetails = (kind: "guest" | "node", id: string, replace = false) =>
    setParams({ open: `${kind}:${id}` }, { replace: replace || open() !== undefined });
  const closeDetails = () => setParams({ open: undefined }, { replace: false });

  const concern = createMemo(() => {
    live.tick();
    return attention(live.nodes(), live.guests(), live.health());
  });

  return {
    query,
    setQuery,
    keepQuery,
    parsed,
    lastGood,
    type,
    power,
    problemsOnly,
    toggle,
    reset,
    filtered,
    counts,
    shown,
    shownCounts,
    sort,
    nodeSort,
    sortBy,
    nodes,
    groupBy,
    setGroupBy,
    collapsed,
    toggleGroup,
    items,
    sorted,
    open,
    openDetails,
    closeDetails,
    attention: concern,
    fix: () => nearestFix(lastGood().text, live.guests()),
    hasTag: (tag: string) => hasTerm(query(), asTerm("tag", tag)),
    toggleTag: (tag: string) => setQuery(toggleTerm(query(), asTerm("tag", tag))),
    isScoped: (node: string) => hasTerm(query(), asTerm("node", node)),
    toggleNode: (node: string) => setQuery(toggleTerm(query(), asTerm("node", node))),
  };
}
export type OverviewState = ReturnType<typeof createOverview>;

function groupMeta(rows: readonly GuestRow[], node: NodeRow | undefined): string {
  const on = rows.filter((row) => row.power === "running");
  if (node?.offline)
    return `${node.place === "standalone" ? "" : `${node.place} · `}${plural(rows.length, "guest")}, values are withheld, not zero`;
  let cores = 0;
  let memory = 0;
  for (const row of on) {
    cores += row.raw.cpus;
    memory += row.memTotal;
  }
  const gib = Math.round(memory / 1024 ** 3);
  const ofCores = node && node.cores > 0 ? ` of ${node.cores}` : "";
  const ofMemory = node && node.raw.maxmem > 0 ? ` of ${Math.round(node.raw.maxmem / 1024 ** 3)}` : "";
  const place = node && node.place !== "standalone" ? `${node.place} · ` : "";
  return `${place}${on.length} of ${rows.length} running · ${cores}${ofCores} vCPU · ${gib}${ofMemory} GiB assigned`;
}
