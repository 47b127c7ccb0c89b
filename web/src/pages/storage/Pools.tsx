/** Storages: shared ones once, with the nodes that see them. */
import { createMemo, createSignal, lazy, Show } from "solid-js";
import { createList, type Facet, type Grouping } from "@/components/list/controller";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { rowConcerns, Strip, unknownOf } from "@/components/list/Strip";
import { Status } from "@/components/Status";
import { Bar, Pair } from "@/components/Values";
import { bytes, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { createTrends } from "@/live/trends";
import { LEVEL_ORDER, LIMITS } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { makePool, type PoolRow } from "@/model/storage";
import { POOL_NAME, poolColumns, untilFull } from "./poolColumns";
import { StorageTabs } from "./Tabs";

const PoolDetails = lazy(() => import("./PoolDetails"));

const STATES = ["available", "inactive", "disabled"] as const;

const LANGUAGE = makeLanguage<PoolRow>({
  haystack: (r) => r.haystack,
  what: ["storage", "storages"],
  fields: [
    { name: "name", help: "name contains", text: (r) => r.name },
    { name: "node", help: "seen by this node", text: (r) => r.nodes, exact: true, values: (r) => r.nodes },
    {
      name: "type",
      help: "zfspool, nfs, rbd …",
      text: (r) => r.raw.type,
      exact: true,
      values: (r) => [r.raw.type],
    },
    {
      name: "content",
      help: "keeps images, backup …",
      text: (r) => r.content,
      exact: true,
      values: (r) => r.content,
    },
    {
      name: "status",
      aliases: ["is"],
      help: "available, inactive, shared, local, warning",
      exact: true,
      words: [...STATES, "shared", "local", "ok", "warning", "critical", "unknown", "problem"],
      text: (r) => [
        r.raw.status,
        r.level,
        r.raw.shared ? "shared" : "local",
        ...(r.level === "warning" || r.level === "critical" ? ["problem"] : []),
      ],
      values: (r) => [r.raw.status],
    },
    {
      name: "instance",
      aliases: ["cluster"],
      help: "cluster or connection",
      text: (r) => r.instance,
      values: (r) => [r.instance],
    },
    {
      name: "used",
      aliases: ["usage", "disk"],
      help: "percent of it",
      number: (r) => r.used,
      unit: "percent",
    },
    {
      name: "free",
      help: "bytes that are left",
      number: (r) => (r.used === null ? null : r.raw.free),
      unit: "bytes",
    },
    { name: "size", aliases: ["total"], help: "its size", number: (r) => r.raw.total || null, unit: "bytes" },
    {
      name: "metadata",
      help: "percent of a thin pool's metadata",
      number: (r) => r.metadata,
      unit: "percent",
    },
  ],
  examples: [
    ["used>80", "percent of it"],
    ["free<500G content:backup", "little room for backups"],
    ["is:inactive", "not available now"],
    ["type:zfspool node:pve1", "ZFS of one node"],
  ],
});

const problem = (r: PoolRow) => r.level === "warning" || r.level === "critical";
const FACETS: readonly Facet<PoolRow>[] = [
  { param: "problems", value: "1", label: "Problems", level: "warning", test: problem },
  { param: "st", value: "available", label: "Available", level: "ok", test: (r) => r.available, apart: true },
  {
    param: "st",
    value: "offline",
    label: "Unavailable",
    test: (r) => !r.available,
  },
  { param: "kind", value: "shared", label: "Shared", test: (r) => r.raw.shared, apart: true },
  { param: "kind", value: "local", label: "Local", test: (r) => !r.raw.shared },
];

/** Used bytes add up; sizes do not, where several storages live on one pool. */
function usedMeta(rows: readonly PoolRow[]): string {
  const known = rows.filter((r) => r.used !== null);
  const used = known.reduce((sum, r) => sum + r.raw.used, 0);
  return `${plural(rows.length, "storage")}${known.length > 0 ? ` · ${bytes(used).join(" ")} used` : ""}`;
}

const GROUPINGS: readonly Grouping<PoolRow>[] = [
  {
    value: "node",
    label: "Node",
    keys: (r) => [r.raw.shared ? `\u0000${r.instance}` : `${r.raw.node}\u0000${r.instance}`],
    title: (key) => {
      const [node, instance] = key.split("\u0000");
      return node || `Shared in ${instance}`;
    },
    order: (key) => (key.startsWith("\u0000") ? ` ${key}` : key),
    meta: usedMeta,
  },
  { value: "type", label: "Type", keys: (r) => [r.raw.type], title: (key) => key, meta: usedMeta },
  { value: "cluster", label: "Cluster", keys: (r) => [r.instance], title: (key) => key, meta: usedMeta },
];

function Card(props: { row: PoolRow; full: string | null }) {
  return (
    <>
      <div class="h">
        <Status level={props.row.level} label={props.row.why} />
        <b class="trunc">{props.row.name}</b>
        <small class="trunc">
          {props.row.raw.type},{" "}
          {props.row.nodes.length === 1 ? props.row.nodes[0] : `${props.row.nodes.length} nodes`}
        </small>
        <small class="r">{props.row.used === null ? UNKNOWN : `${percent(props.row.used)} %`}</small>
      </div>
      <div class="wide-meter" data-over={props.row.usedOver || undefined}>
        <Bar value={props.row.used} limit={LIMITS.storage.usage} />
        <span class="muted trunc">
          <Show when={props.row.used !== null} fallback={props.row.why}>
            <Pair used={props.row.raw.used} total={props.row.raw.total} />
            {props.full ? ` · full in ${props.full}` : ""}
          </Show>
        </span>
      </div>
    </>
  );
}

export function Pools() {
  const rows = createRows(
    () => live.list("storage"),
    (raw) => makePool(raw, live.context()),
  );
  // Histories of a page of rows are asked for at a time; which rows those are is known once the list exists.
  const [onScreen, setOnScreen] = createSignal<string[]>([]);
  const trends = createTrends(
    onScreen,
    () => "7d",
    () => true,
  );
  const trend = (id: string) => trends.get(id, "disk");
  const columns = poolColumns(trend);
  const list = createList<PoolRow>({
    key: "storage",
    kind: "storage",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(POOL_NAME, columns, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) =>
      (a.sortName < b.sortName ? -1 : a.sortName > b.sortName ? 1 : 0) || a.id.localeCompare(b.id),
    groupings: GROUPINGS,
    defaultGroup: "node",
  });
  const concerns = createMemo(() =>
    rowConcerns(
      rows(),
      "storage",
      (row) => ({ title: `${row.name} on ${row.nodes.length === 1 ? row.nodes[0] : row.instance}` }),
      list.openRow,
    ),
  );
  return (
    <ListPage
      list={list}
      title="Storages"
      name={POOL_NAME}
      columns={columns}
      example="used>80 type:zfspool"
      muted={(row) => row.level === "off" || row.level === "unknown"}
      onVisible={setOnScreen}
      tools={() => <StorageTabs />}
      before={() => (
        <>
          <Strip
            concerns={concerns()}
            unknown={unknownOf(rows())}
            calm={`${plural(rows().length, "storage")} within their limits, and those that are wanted are available.`}
          />
          <GapNote capability={/storage|thin|zfs/i} />
        </>
      )}
      empty={() => (
        <Empty title="No storage is reported" capability={/storage/i}>
          The account that Pulse uses sees storages with <span class="mono">Datastore.Audit</span>. Check that
          it holds on <span class="mono">/storage</span>.
        </Empty>
      )}
      foot={() => (
        <>
          <span>
            {list.filtered()
              ? `${list.shown().length} of ${plural(rows().length, "storage")}`
              : plural(rows().length, "storage")}
          </span>
          <span class="grp">{list.shown().filter((r) => r.raw.shared).length} shared, counted once</span>
        </>
      )}
      card={(row) => <Card row={row()} full={untilFull(row(), trend(row().id))} />}
      cardHeight={67}
      details={(id, move) => (
        <PoolDetails id={id()} rows={rows} trend={trend} onClose={list.closeDetails} onMove={move} />
      )}
    />
  );
}
