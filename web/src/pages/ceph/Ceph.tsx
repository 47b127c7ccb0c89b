/** Ceph: health, capacity and services of each cluster, then its OSDs or pools. */
import { A, useLocation, useNavigate } from "@solidjs/router";
import { createMemo, For, Show, type JSX } from "solid-js";
import type { CephResource } from "@/api/proxmox";
import { Drawer, Fact, Source } from "@/components/drawer/Drawer";
import { createList, type Facet } from "@/components/list/controller";
import type { Column, NameColumn } from "@/components/list/columns";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Opened } from "@/components/list/Opened";
import { Segmented } from "@/components/Segmented";
import { Note, Status } from "@/components/Status";
import { Bar, Bytes, Meter } from "@/components/Values";
import { bytes, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { LEVEL_ORDER, LIMITS } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { makeCephPool, makeOsd, type CephPoolRow, type OsdRow } from "@/model/ceph";
import { CephPanel } from "./Panel";

const clusters = () => live.list("cephClusters");

function Tabs() {
  const location = useLocation();
  const navigate = useNavigate();
  const sum = (of: (ceph: CephResource) => number) => clusters().reduce((n, ceph) => n + of(ceph), 0);
  return (
    <Segmented
      label="Part of Ceph"
      value={location.pathname.endsWith("/pools") ? "/proxmox/ceph/pools" : "/proxmox/ceph"}
      onChange={(href) => navigate(href)}
      options={[
        { value: "/proxmox/ceph", label: `OSDs ${sum((c) => c.numOsds)}` },
        { value: "/proxmox/ceph/pools", label: `Pools ${sum((c) => c.pools?.length ?? 0)}` },
      ]}
    />
  );
}

const panels = (): JSX.Element => (
  <>
    <For each={clusters()}>{(ceph) => <CephPanel ceph={ceph} />}</For>
    <GapNote capability={/ceph/i} />
  </>
);

const none = (): JSX.Element => (
  <Show
    when={clusters().length > 0}
    fallback={
      <Empty title="There is no Ceph here" capability={/ceph/i}>
        None of the connected clusters runs Ceph. Where one does, the account that Pulse uses needs{" "}
        <span class="mono">Sys.Audit</span> on <span class="mono">/</span>.
      </Empty>
    }
  >
    {panels()}
    <div class="empty">
      <h2>Nothing is listed</h2>
      <p>The cluster answers, but this list was not read yet.</p>
    </div>
  </Show>
);

// --- OSDs

const OSD_NAME: NameColumn<OsdRow> = {
  label: "OSD",
  sort: (r) => r.raw.id,
  cell: (r) => <span class="nm mono">{r().name}</span>,
};
const OSD_COLUMNS: readonly Column<OsdRow>[] = [
  {
    key: "host",
    label: "Host",
    width: 120,
    priority: 1,
    sort: (r) => r.raw.host,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.host || UNKNOWN}</span>,
  },
  {
    key: "state",
    label: "State",
    width: 130,
    priority: 1,
    sort: (r) => (r.raw.up ? 2 : 0) + (r.raw.in ? 1 : 0),
    ascending: true,
    tip: (r) => r.why,
    cell: (r) => (
      <span
        class={r().raw.up && r().raw.in ? "muted" : undefined}
        data-tone={r().raw.up ? undefined : r().level === "critical" ? "critical" : "warning"}
      >
        {r().raw.up ? "up" : "down"}, {r().raw.in ? "in" : "out"}
      </span>
    ),
  },
  {
    key: "class",
    label: "Class",
    width: 90,
    priority: 2,
    sort: (r) => r.raw.class ?? null,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.class || UNKNOWN}</span>,
  },
  {
    key: "used",
    label: "Used",
    width: 150,
    narrow: 128,
    priority: 1,
    meter: true,
    sort: (r) => r.used,
    cell: (r) => <Meter value={r().used} over={r().usedOver} limit={LIMITS.ceph.osd} />,
  },
  {
    key: "cluster",
    label: "Cluster",
    width: 120,
    priority: 3,
    sort: (r) => r.ceph.instance,
    ascending: true,
    cell: (r) => <span class="muted">{r().ceph.instance}</span>,
  },
];
const OSD_LANGUAGE = makeLanguage<OsdRow>({
  haystack: (r) => r.haystack,
  what: ["OSD", "OSDs"],
  fields: [
    {
      name: "host",
      aliases: ["node"],
      help: "on this host",
      text: (r) => r.raw.host,
      exact: true,
      values: (r) => [r.raw.host],
    },
    {
      name: "status",
      aliases: ["is"],
      help: "up, down, in, out",
      exact: true,
      words: ["up", "down", "in", "out", "problem"],
      text: (r) => [
        r.raw.up ? "up" : "down",
        r.raw.in ? "in" : "out",
        ...(r.level === "ok" || r.level === "notice" ? [] : ["problem"]),
      ],
      values: (r) => [r.raw.up ? "up" : "down"],
    },
    {
      name: "class",
      help: "device class",
      text: (r) => r.raw.class ?? "",
      exact: true,
      values: (r) => [r.raw.class ?? ""],
    },
    { name: "used", help: "percent", number: (r) => r.used, unit: "percent" },
    {
      name: "cluster",
      aliases: ["instance"],
      help: "of this connection",
      text: (r) => r.ceph.instance,
      exact: true,
      values: (r) => [r.ceph.instance],
    },
  ],
  examples: [
    ["is:down", "lost OSDs"],
    ["used>80", "nearly full"],
  ],
});
const OSD_FACETS: readonly Facet<OsdRow>[] = [
  {
    param: "problems",
    value: "1",
    label: "Problems",
    level: "warning",
    test: (r) => r.level === "warning" || r.level === "critical",
  },
  { param: "st", value: "down", label: "Down", level: "critical", test: (r) => !r.raw.up, apart: true },
  { param: "st", value: "out", label: "Out", level: "notice", test: (r) => !r.raw.in },
];

function OsdDetails(props: {
  rows: () => readonly OsdRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="OSD" onClose={props.onClose}>
      {(r) => {
        const checks = () =>
          (r().ceph.checks ?? []).flatMap((c) =>
            (c.detail ?? []).filter((line) => new RegExp(`\\bosd\\.${r().raw.id}\\b`).test(line)),
          );
        const node = () => live.nodes().find((n) => n.name === r().raw.host);
        return (
          <Drawer
            level={r().level}
            why={r().why}
            title={r().name}
            badge={r().raw.class || "OSD"}
            what="OSD"
            onClose={props.onClose}
            onMove={props.onMove}
            meta={
              <>
                <span>{r().raw.host}</span>
                <i>/</i>
                <span>{r().ceph.instance}</span>
                <i>·</i>
                <span>{r().why.toLowerCase()}</span>
              </>
            }
          >
            <Show when={r().level === "critical" || r().level === "warning"}>
              <div class="mt-3">
                <Note level={r().level}>
                  <b class="font-semibold">{r().why}</b>
                  <For each={checks()}>{(line) => <div class="mono text-xs">{line}</div>}</For>
                </Note>
              </div>
            </Show>
            <section class="dsec">
              <h3>
                OSD
                <Source name="Ceph, by the Proxmox API" at={r().ceph.lastSeen} />
              </h3>
              <dl class="facts">
                <Fact name="State">
                  {r().raw.up ? "up" : "down"}, {r().raw.in ? "in" : "out"}
                </Fact>
                <Fact name="Used">
                  <Meter value={r().used} over={r().usedOver} limit={LIMITS.ceph.osd} />
                </Fact>
                <Fact name="Host">
                  <Show when={node()} fallback={r().raw.host}>
                    {(n) => (
                      <A href={`/proxmox/overview?open=${encodeURIComponent(`node:${n().id}`)}`}>
                        {r().raw.host}
                      </A>
                    )}
                  </Show>
                </Fact>
                <Fact name="Class">{r().raw.class || UNKNOWN}</Fact>
              </dl>
            </section>
          </Drawer>
        );
      }}
    </Opened>
  );
}

function Osds() {
  const rows = createRows(
    () => clusters().flatMap((ceph) => (ceph.osds ?? []).map((osd) => ({ ceph, osd }))),
    ({ ceph, osd }) => makeOsd(ceph, osd),
  );
  const list = createList<OsdRow>({
    key: "osds",
    kind: "osd",
    rows,
    touch: rows,
    language: OSD_LANGUAGE,
    facets: OSD_FACETS,
    sorts: sortsOf(OSD_NAME, OSD_COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) => a.ceph.id.localeCompare(b.ceph.id) || a.raw.id - b.raw.id,
    groupings: [
      {
        value: "host",
        label: "Host",
        keys: (r) => [r.raw.host],
        title: (key) => key || "host not reported",
        meta: (all) => `${all.filter((r) => r.raw.up).length} of ${plural(all.length, "OSD")} up`,
      },
    ],
    defaultGroup: "host",
  });
  return (
    <ListPage
      list={list}
      title="Ceph OSDs"
      name={OSD_NAME}
      columns={OSD_COLUMNS}
      example="is:down"
      tools={clusters().length > 0 ? () => <Tabs /> : undefined}
      before={panels}
      empty={none}
      foot={() => <span>{plural(list.shown().length, "OSD")}</span>}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc mono">{row().name}</b>
            <small class="trunc">{row().raw.host}</small>
            <small class="r" data-tone={row().raw.up ? undefined : "critical"}>
              {row().raw.up ? "up" : "down"}, {row().raw.in ? "in" : "out"}
            </small>
          </div>
          <div class="wide-meter" data-over={row().usedOver || undefined}>
            <Bar value={row().used} limit={LIMITS.ceph.osd} />
            <span class="muted">{row().used === null ? UNKNOWN : `${percent(row().used ?? 0)} %`}</span>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <OsdDetails rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}

// --- pools

const POOL_NAME: NameColumn<CephPoolRow> = {
  label: "Pool",
  sort: (r) => r.sortName,
  cell: (r) => <span class="nm">{r().name}</span>,
};
const POOL_COLUMNS: readonly Column<CephPoolRow>[] = [
  {
    key: "cluster",
    label: "Cluster",
    width: 120,
    priority: 3,
    sort: (r) => r.ceph.instance,
    ascending: true,
    cell: (r) => <span class="muted">{r().ceph.instance}</span>,
  },
  {
    key: "used",
    label: "Used",
    width: 150,
    narrow: 128,
    priority: 1,
    meter: true,
    sort: (r) => r.used,
    cell: (r) => <Meter value={r().used} over={r().usedOver} limit={LIMITS.ceph.usage} />,
  },
  {
    key: "stored",
    label: "Stored",
    width: 110,
    priority: 1,
    num: true,
    sort: (r) => r.raw.storedBytes,
    cell: (r) => <Bytes value={r().raw.storedBytes} />,
  },
  {
    key: "free",
    label: "Available",
    width: 110,
    priority: 2,
    num: true,
    sort: (r) => r.raw.availableBytes,
    cell: (r) => <Bytes value={r().raw.availableBytes} />,
  },
  {
    key: "objects",
    label: "Objects",
    width: 110,
    priority: 2,
    num: true,
    sort: (r) => r.raw.objects,
    cell: (r) => <span class="muted">{r().raw.objects.toLocaleString("en")}</span>,
  },
];
const POOL_LANGUAGE = makeLanguage<CephPoolRow>({
  haystack: (r) => r.haystack,
  what: ["pool", "pools"],
  fields: [
    { name: "name", help: "name contains", text: (r) => r.name },
    {
      name: "cluster",
      aliases: ["instance"],
      help: "of this connection",
      text: (r) => r.ceph.instance,
      exact: true,
      values: (r) => [r.ceph.instance],
    },
    { name: "used", help: "percent", number: (r) => r.used, unit: "percent" },
    { name: "stored", help: "bytes", number: (r) => r.raw.storedBytes, unit: "bytes" },
  ],
  examples: [["used>50", "percent of the pool"]],
});
const POOL_FACETS: readonly Facet<CephPoolRow>[] = [
  {
    param: "problems",
    value: "1",
    label: "Problems",
    level: "warning",
    test: (r) => r.level === "warning" || r.level === "critical",
  },
];

function PoolDetails(props: {
  rows: () => readonly CephPoolRow[];
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
          badge="Ceph pool"
          what="pool"
          onClose={props.onClose}
          onMove={props.onMove}
          meta={<span>{r().ceph.instance}</span>}
        >
          <section class="dsec">
            <h3>
              Pool
              <Source name="Ceph, by the Proxmox API" at={r().ceph.lastSeen} />
            </h3>
            <dl class="facts">
              <Fact name="Used">
                <Meter value={r().used} over={r().usedOver} limit={LIMITS.ceph.usage} />
              </Fact>
              <Fact name="Stored">{bytes(r().raw.storedBytes).join(" ")}</Fact>
              <Fact name="Available">{bytes(r().raw.availableBytes).join(" ")}, after redundancy</Fact>
              <Fact name="Objects">{r().raw.objects.toLocaleString("en")}</Fact>
              <Fact name="Number">{r().raw.id}</Fact>
            </dl>
          </section>
        </Drawer>
      )}
    </Opened>
  );
}

function CephPools() {
  const rows = createRows(
    () => clusters().flatMap((ceph) => (ceph.pools ?? []).map((pool) => ({ ceph, pool }))),
    ({ ceph, pool }) => makeCephPool(ceph, pool),
  );
  const list = createList<CephPoolRow>({
    key: "cephPools",
    kind: "pool",
    rows,
    touch: rows,
    language: POOL_LANGUAGE,
    facets: POOL_FACETS,
    sorts: sortsOf(POOL_NAME, POOL_COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) => b.used - a.used,
  });
  return (
    <ListPage
      list={list}
      title="Ceph pools"
      name={POOL_NAME}
      columns={POOL_COLUMNS}
      example="used>50"
      tools={clusters().length > 0 ? () => <Tabs /> : undefined}
      before={panels}
      empty={none}
      foot={() => <span>{plural(list.shown().length, "pool")}</span>}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc">{row().name}</b>
            <small class="r">{bytes(row().raw.storedBytes).join(" ")}</small>
          </div>
          <div class="wide-meter" data-over={row().usedOver || undefined}>
            <Bar value={row().used} limit={LIMITS.ceph.usage} />
            <span class="muted">{percent(row().used)} %</span>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <PoolDetails rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}

export default function Ceph() {
  const location = useLocation();
  const pools = createMemo(() => location.pathname.endsWith("/pools"));
  return (
    <Show when={pools()} fallback={<Osds />}>
      <CephPools />
    </Show>
  );
}
