/** ZFS pools of all nodes. */
import { createMemo, Show } from "solid-js";
import { Copyable } from "@/components/Copy";
import { Drawer, Fact, Source } from "@/components/drawer/Drawer";
import { createList, type Facet } from "@/components/list/controller";
import type { Column, NameColumn } from "@/components/list/columns";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Opened } from "@/components/list/Opened";
import { rowConcerns, Strip, unknownOf } from "@/components/list/Strip";
import { Status } from "@/components/Status";
import { Bar, Meter, Pair } from "@/components/Values";
import { bytes, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { LEVEL_ORDER, LIMITS } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { StorageTabs } from "./Tabs";
import { makeZfs, scanWords, SCRUB_DAYS, type ZfsRow } from "@/model/zfs";
import { ZfsFacts } from "./ZfsFacts";

const NAME: NameColumn<ZfsRow> = {
  label: "Pool",
  sort: (r) => r.sortName,
  cell: (r) => <span class="nm">{r().name}</span>,
};

const COLUMNS: readonly Column<ZfsRow>[] = [
  {
    key: "node",
    label: "Node",
    width: 110,
    priority: 1,
    sort: (r) => r.node,
    ascending: true,
    cell: (r) => <span class="muted">{r().node}</span>,
  },
  {
    key: "state",
    label: "State",
    width: 110,
    priority: 1,
    sort: (r) => r.raw.state,
    ascending: true,
    tip: (r) => r.raw.status || undefined,
    cell: (r) => (
      <span class={r().raw.state === "ONLINE" ? "muted" : undefined}>{r().raw.state || UNKNOWN}</span>
    ),
  },
  {
    key: "used",
    label: "Allocated",
    width: 224,
    narrow: 128,
    priority: 1,
    meter: true,
    sort: (r) => r.used,
    cell: (r) => (
      <Meter
        value={r().used}
        over={r().usedOver}
        limit={LIMITS.storage.usage}
        detail={
          r().used === null ? undefined : <Pair used={r().raw.allocated ?? 0} total={r().raw.size ?? 0} />
        }
      />
    ),
  },
  {
    key: "frag",
    label: "Fragments",
    width: 90,
    priority: 4,
    num: true,
    sort: (r) => r.raw.fragmentation ?? null,
    cell: (r) => (
      <span class="muted">
        {r().raw.fragmentation === undefined ? UNKNOWN : `${percent(r().raw.fragmentation ?? 0)} %`}
      </span>
    ),
  },
  {
    key: "errors",
    label: "Errors",
    head: "Read · write · checksum",
    width: 156,
    priority: 2,
    num: true,
    sort: (r) => r.errors,
    cell: (r) => (
      <span data-tone={r().errors > 0 ? "warning" : undefined} class={r().errors > 0 ? undefined : "muted"}>
        {r().raw.readErrors} · {r().raw.writeErrors} · {r().raw.checksumErrors}
      </span>
    ),
  },
  {
    key: "devices",
    label: "Devices not fine",
    width: 130,
    priority: 3,
    num: true,
    sort: (r) => r.raw.devices.length,
    tip: (r) =>
      r.raw.devices.map((d) => `${d.name}: ${d.state}${d.message ? `, ${d.message}` : ""}`).join("\n") ||
      undefined,
    cell: (r) => (
      <span class={r().raw.devices.length > 0 ? undefined : "muted"}>{r().raw.devices.length}</span>
    ),
  },
  {
    key: "scan",
    label: "Last scrub",
    width: 190,
    priority: 1,
    sort: (r) => r.scanned,
    ascending: true,
    tip: (r) => r.raw.scan || undefined,
    cell: (r) => (
      <span class="row" style={{ gap: "8px" }}>
        <Show when={r().scanning !== null}>
          <Bar value={r().scanning} />
        </Show>
        <span class={r().late || r().scanning !== null ? "trunc" : "muted trunc"}>
          {scanWords(r().raw, live.serverNow())}
        </span>
        <Show when={r().late}>
          <Status level="notice" label={`More than ${SCRUB_DAYS} days ago`} />
        </Show>
      </span>
    ),
  },
];

const LANGUAGE = makeLanguage<ZfsRow>({
  haystack: (r) => r.haystack,
  what: ["pool", "pools"],
  fields: [
    { name: "name", help: "name contains", text: (r) => r.name },
    { name: "node", help: "of this node", text: (r) => r.node, exact: true, values: (r) => [r.node] },
    {
      name: "state",
      aliases: ["status", "is"],
      help: "online, degraded, late",
      exact: true,
      words: ["online", "degraded", "faulted", "late", "scanning"],
      text: (r) => [
        r.raw.state.toLowerCase(),
        r.level,
        ...(r.late ? ["late"] : []),
        ...(r.scanning === null ? [] : ["scanning"]),
      ],
      values: (r) => [r.raw.state.toLowerCase()],
    },
    { name: "used", help: "percent allocated", number: (r) => r.used, unit: "percent" },
    { name: "errors", help: "sum of all errors", number: (r) => r.errors, unit: "count" },
    {
      name: "scrub",
      help: "age of the last scrub, such as 30d",
      number: (r) => (r.scanned === null ? null : (Date.now() - r.scanned) / 1000),
      unit: "duration",
    },
  ],
  examples: [
    ["state:degraded", "not fully redundant"],
    ["scrub>30d", "age of the last scrub"],
  ],
});

const FACETS: readonly Facet<ZfsRow>[] = [
  {
    param: "problems",
    value: "1",
    label: "Problems",
    level: "warning",
    test: (r) => r.level === "warning" || r.level === "critical",
  },
  {
    param: "st",
    value: "scanning",
    label: "Scrub or resilver runs",
    level: "notice",
    test: (r) => r.scanning !== null,
    quiet: true,
  },
  { param: "st", value: "late", label: "Scrub is late", level: "notice", test: (r) => r.late, quiet: true },
];

function Details(props: {
  rows: () => readonly ZfsRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="pool" onClose={props.onClose}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name}
          badge="ZFS pool"
          what="pool"
          onClose={props.onClose}
          onMove={props.onMove}
          meta={
            <>
              <span>{r().node}</span>
              <i>/</i>
              <span>{r().raw.instance}</span>
              <i>·</i>
              <span>{r().why.toLowerCase()}</span>
            </>
          }
        >
          <ZfsFacts pool={r().raw} node={r().node} seen={r().raw.lastSeen} />
          <section class="dsec">
            <h3>
              Room
              <Source name="zpool list" at={r().raw.lastSeen} />
            </h3>
            <dl class="facts">
              <Fact name="Allocated">
                {r().used === null
                  ? UNKNOWN
                  : `${bytes(r().raw.allocated ?? 0).join(" ")}, ${percent(r().used ?? 0)} %`}
              </Fact>
              <Fact name="Size">{r().raw.size ? bytes(r().raw.size ?? 0).join(" ") : UNKNOWN}</Fact>
              <Fact name="Pulse id">
                <Copyable text={r().id} label="the id" />
              </Fact>
            </dl>
          </section>
        </Drawer>
      )}
    </Opened>
  );
}

export function Zfs() {
  const rows = createRows(
    () => live.list("zfsPools"),
    (raw) => makeZfs(raw, live.context()),
  );
  const list = createList<ZfsRow>({
    key: "zfs",
    kind: "zfs",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(NAME, COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) =>
      LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level] ||
      a.node.localeCompare(b.node, undefined, { numeric: true }) ||
      (a.sortName < b.sortName ? -1 : 1),
    groupings: [
      {
        value: "node",
        label: "Node",
        keys: (r) => [r.node],
        title: (key) => key,
        meta: (all) => plural(all.length, "pool"),
      },
    ],
  });
  const concerns = createMemo(() =>
    rowConcerns(rows(), "zfs", (row) => ({ title: `${row.name} on ${row.node}` }), list.openRow),
  );
  return (
    <ListPage
      list={list}
      title="ZFS pools"
      name={NAME}
      columns={COLUMNS}
      example="state:degraded"
      tools={() => <StorageTabs />}
      before={() => (
        <>
          <Strip
            concerns={concerns()}
            unknown={unknownOf(rows())}
            calm={`${plural(rows().length, "pool")} online without errors.`}
          />
          <GapNote capability={/zfs/i} />
        </>
      )}
      empty={() => (
        <Empty title="No ZFS pool is reported" capability={/zfs/i}>
          The nodes have no ZFS pools, or were not asked yet: pools are read every few minutes.
        </Empty>
      )}
      foot={() => <span>{plural(list.shown().length, "pool")}</span>}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc">{row().name}</b>
            <small class="trunc">{row().node}</small>
            <small class="r">{row().raw.state}</small>
          </div>
          <div class="wide-meter" data-over={row().usedOver || undefined}>
            <Bar value={row().used} limit={LIMITS.storage.usage} />
            <span class="muted trunc">
              {row().used === null ? "" : `${percent(row().used ?? 0)} % · `}
              {scanWords(row().raw, live.serverNow())}
              {row().errors > 0 ? ` · ${plural(row().errors, "error")}` : ""}
            </span>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <Details rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}
