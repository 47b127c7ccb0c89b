/** State and actions of the Proxmox overview: the list of guests, the order of the nodes, what needs attention. */
import { useSearchParams } from "@solidjs/router";
import { createMemo } from "solid-js";
import { createList, type Facet, type Grouping } from "@/components/list/controller";
import { compareValues, nextSort, readSort } from "@/components/list/sort";
import { naturalKey, plural } from "@/format/format";
import { estate } from "@/live/estate";
import { live, nodeKey } from "@/live/live";
import { isProblem, type GuestRow, type Power } from "@/model/guest";
import { LEVEL_ORDER } from "@/model/level";
import type { NodeRow } from "@/model/node";
import { prefs, setPrefs } from "@/prefs/prefs";
import { GUESTS } from "@/query/guests";
import { asTerm, hasTerm, toggleTerm } from "@/query/query";
import { attention } from "./attention";
import { COLUMNS } from "./columns";

const power = (value: Power, label: string, level: Facet<GuestRow>["level"]): Facet<GuestRow> => ({
  param: "st",
  value,
  label,
  ...(level ? { level } : {}),
  test: (r) => r.power === value,
});

const FACETS: readonly Facet<GuestRow>[] = [
  { param: "problems", value: "1", label: "Problems", level: "warning", test: isProblem },
  { param: "type", value: "vm", label: "VM", test: (r) => r.kind === "VM", apart: true },
  { param: "type", value: "ct", label: "CT", test: (r) => r.kind === "CT" },
  { ...power("running", "Running", "ok"), apart: true },
  power("off", "Off", "off"),
  { ...power("paused", "Paused", "paused"), quiet: true },
  { ...power("unknown", "Unknown", "unknown"), quiet: true },
];

const SORTS = {
  name: { value: (r: GuestRow) => r.sortName, ascending: true },
  status: { value: (r: GuestRow) => LEVEL_ORDER[r.level], ascending: true },
  ...Object.fromEntries(
    COLUMNS.flatMap((c) =>
      c.guestSort ? [[c.key, { value: c.guestSort, ascending: c.ascending ?? false }] as const] : [],
    ),
  ),
};

const nodeOf = (key: string) => live.nodes().find((n) => nodeKey(n.instance, n.name) === key);

const GROUPINGS: readonly Grouping<GuestRow>[] = [
  {
    value: "node",
    label: "Node",
    keys: (r) => [nodeKey(r.instance, r.node)],
    title: (key) => key.split("\u0000")[1] ?? "",
    meta: (rows, key) => groupMeta(rows, nodeOf(key)),
  },
  {
    value: "tag",
    label: "Tag",
    keys: (r) => (r.tags.length > 0 ? r.tags : [""]),
    title: (key) => key || "without tag",
    meta: (rows) => groupMeta(rows, undefined),
  },
  {
    value: "pool",
    label: "Pool",
    keys: (r) => [r.pool],
    title: (key) => key || "without pool",
    meta: (rows) => groupMeta(rows, undefined),
  },
  {
    value: "instance",
    label: "Cluster",
    keys: (r) => [r.instance],
    title: (key) => key,
    meta: (rows) => groupMeta(rows, undefined),
  },
];

export function createOverview() {
  const guests = createList<GuestRow>({
    key: "guests",
    kind: "guest",
    rows: live.guests,
    touch: live.tick,
    language: GUESTS,
    facets: FACETS,
    sorts: SORTS,
    defaultSort: "id",
    order: (a, b) => a.vmid - b.vmid,
    groupings: GROUPINGS,
    defaultGroup: "node",
  });

  const [params, setParams] = useSearchParams<{ nsort?: string }>();
  const nodeSort = createMemo(() => readSort(String(params.nsort ?? "") || prefs.sort.nodes || ""));
  const sortNodes = (key: string) => {
    const ascending = key === "name" || key === "id";
    const next = nextSort(nodeSort(), key, ascending, true);
    setPrefs("sort", "nodes", next);
    setParams({ nsort: next || undefined }, { replace: true });
  };
  const nodes = createMemo(() => {
    live.tick();
    const { key, down } = nodeSort();
    const column = COLUMNS.find((c) => c.key === key)?.nodeSort;
    const value = key === "name" ? (r: NodeRow) => naturalKey(r.name) : column;
    return [...live.nodes()].sort(
      (a, b) =>
        (value ? compareValues(value(a), value(b), down) : LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level]) ||
        compareValues(naturalKey(a.name), naturalKey(b.name)),
    );
  });

  const shownCounts = createMemo(() => {
    const c = { running: 0, off: 0, paused: 0, unknown: 0 };
    for (const row of guests.shown()) c[row.power] += 1;
    return c;
  });
  const counts = createMemo(() => {
    const c = { problems: 0, running: 0, off: 0, unknown: 0 };
    for (const row of guests.matching()) {
      if (isProblem(row)) c.problems += 1;
      if (row.power !== "paused") c[row.power] += 1;
    }
    return c;
  });
  const concern = createMemo(() => {
    live.tick();
    return attention(live.nodes(), live.guests(), live.health(), estate());
  });

  return {
    guests,
    nodes,
    nodeSort,
    sortNodes,
    counts,
    shownCounts,
    open: guests.open,
    openDetails: guests.openDetails as (kind: "guest" | "node", id: string, replace?: boolean) => void,
    closeDetails: guests.closeDetails,
    attention: concern,
    hasTag: (tag: string) => hasTerm(guests.query(), asTerm("tag", tag)),
    toggleTag: (tag: string) => guests.setQuery(toggleTerm(guests.query(), asTerm("tag", tag))),
    isScoped: (node: string) => hasTerm(guests.query(), asTerm("node", node)),
    toggleNode: (node: string) => guests.setQuery(toggleTerm(guests.query(), asTerm("node", node))),
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
