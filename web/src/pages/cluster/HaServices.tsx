/** Guests that high availability keeps running. */
import { A } from "@solidjs/router";
import { createMemo, Show } from "solid-js";
import type { ClusterResource, HaService } from "@/api/proxmox";
import { Copyable } from "@/components/Copy";
import { Drawer, Fact, Source } from "@/components/drawer/Drawer";
import { createList, type Facet } from "@/components/list/controller";
import type { Column, NameColumn } from "@/components/list/columns";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Opened } from "@/components/list/Opened";
import { rowConcerns, Strip, unknownOf } from "@/components/list/Strip";
import { Note, Status } from "@/components/Status";
import { naturalKey, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { LEVEL_ORDER, type Level } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { clusterConcerns } from "./concerns";
import { ClusterTabs } from "./Tabs";

interface ServiceRow {
  raw: HaService;
  cluster: ClusterResource;
  id: string;
  name: string;
  guestId: string | undefined;
  level: Level;
  why: string;
  haystack: string;
}

const WHY: Record<string, string> = {
  error: "In error: high availability gave up and waits for somebody to disable it and look",
  fence: "Its node is lost and is being fenced",
  recovery: "Looks for a node to run on",
  queued: "Just added",
  freeze: "Frozen while a node restarts",
  migrate: "Migrates",
  relocate: "Relocates",
};

function levelOf(service: HaService): Level {
  if (service.troubled) return "critical";
  if (/freeze|migrate|relocate|request|queued|ignored/.test(service.state)) return "notice";
  if (/stopped|disabled/.test(service.state)) return "off";
  return service.state === "started" ? "ok" : "unknown";
}

const NAME: NameColumn<ServiceRow> = {
  label: "Guest",
  sort: (r) => naturalKey(r.name),
  cell: (r) => <span class="nm">{r().name}</span>,
};

const COLUMNS: readonly Column<ServiceRow>[] = [
  {
    key: "sid",
    label: "Service",
    width: 96,
    priority: 1,
    sort: (r) => r.raw.vmid,
    ascending: true,
    cell: (r) => <span class="mono muted">{r().raw.sid}</span>,
  },
  {
    key: "state",
    label: "State",
    width: 110,
    priority: 1,
    sort: (r) => r.raw.state,
    ascending: true,
    tip: (r) => r.why,
    cell: (r) => (
      <span
        class={r().raw.troubled ? undefined : "muted"}
        data-tone={r().raw.troubled ? "critical" : undefined}
      >
        {r().raw.state}
      </span>
    ),
  },
  {
    key: "wanted",
    label: "Wanted",
    width: 96,
    priority: 2,
    sort: (r) => r.raw.requested ?? null,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.requested || UNKNOWN}</span>,
  },
  {
    key: "node",
    label: "Node",
    width: 96,
    priority: 1,
    sort: (r) => r.raw.node ?? null,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.node || UNKNOWN}</span>,
  },
  {
    key: "group",
    label: "Group",
    width: 130,
    priority: 3,
    sort: (r) => r.raw.group || null,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.group || "none"}</span>,
  },
  {
    key: "tries",
    label: "Restarts · relocations",
    width: 140,
    priority: 3,
    num: true,
    tip: () => "How often it may be restarted on its node and moved to another before it is in error",
    cell: (r) => (
      <span class="muted">
        {r().raw.maxRestart ?? UNKNOWN} · {r().raw.maxRelocate ?? UNKNOWN}
      </span>
    ),
  },
  {
    key: "comment",
    label: "Comment",
    width: 200,
    priority: 4,
    sort: (r) => r.raw.comment || null,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.comment || UNKNOWN}</span>,
  },
];

const LANGUAGE = makeLanguage<ServiceRow>({
  haystack: (r) => r.haystack,
  what: ["service", "services"],
  fields: [
    { name: "name", aliases: ["guest"], help: "guest's name contains", text: (r) => r.name },
    {
      name: "id",
      aliases: ["vmid"],
      help: "guest id",
      text: (r) => String(r.raw.vmid),
      number: (r) => r.raw.vmid,
      unit: "count",
    },
    {
      name: "node",
      help: "on this node",
      text: (r) => r.raw.node ?? "",
      exact: true,
      values: (r) => [r.raw.node ?? ""],
    },
    {
      name: "state",
      aliases: ["status", "is"],
      help: "started, error, fence …",
      exact: true,
      words: ["started", "stopped", "error", "fence", "recovery", "problem"],
      text: (r) => [r.raw.state, ...(r.raw.troubled ? ["problem"] : [])],
      values: (r) => [r.raw.state],
    },
    {
      name: "group",
      help: "HA group",
      text: (r) => r.raw.group ?? "",
      exact: true,
      values: (r) => [r.raw.group ?? ""],
    },
    {
      name: "cluster",
      aliases: ["instance"],
      help: "of this cluster",
      text: (r) => r.cluster.name,
      exact: true,
      values: (r) => [r.cluster.name],
    },
  ],
  examples: [["is:problem", "in error, fencing or recovery"]],
});

const FACETS: readonly Facet<ServiceRow>[] = [
  { param: "problems", value: "1", label: "Problems", level: "critical", test: (r) => r.raw.troubled },
  {
    param: "st",
    value: "started",
    label: "Started",
    level: "ok",
    test: (r) => r.raw.state === "started",
    apart: true,
  },
  {
    param: "st",
    value: "stopped",
    label: "Stopped",
    level: "off",
    test: (r) => /stopped|disabled/.test(r.raw.state),
  },
];

function Details(props: {
  rows: () => readonly ServiceRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="service" onClose={props.onClose}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name}
          badge={r().raw.sid}
          what="service"
          onClose={props.onClose}
          onMove={props.onMove}
          meta={
            <>
              <span>{r().raw.node || "no node"}</span>
              <i>/</i>
              <span>{r().cluster.name}</span>
              <i>·</i>
              <span>{r().raw.state}</span>
            </>
          }
        >
          <Show when={r().raw.troubled}>
            <div class="mt-3">
              <Note level="critical">
                <b class="font-semibold">{r().why}</b>
                <Show when={r().raw.comment}>
                  <div class="text-xs">{r().raw.comment}</div>
                </Show>
              </Note>
            </div>
          </Show>
          <section class="dsec">
            <h3>
              High availability
              <Source name="HA manager, by the Proxmox API" at={r().cluster.lastSeen} />
            </h3>
            <dl class="facts">
              <Fact name="State">{r().raw.state}</Fact>
              <Fact name="Wanted">{r().raw.requested || UNKNOWN}</Fact>
              <Fact name="Group">{r().raw.group || "none"}</Fact>
              <Fact name="Restarts">{r().raw.maxRestart ?? UNKNOWN} on its node</Fact>
              <Fact name="Moves">{r().raw.maxRelocate ?? UNKNOWN} to other nodes</Fact>
              <Fact name="Master">{r().cluster.ha?.master || "none"}</Fact>
              <Show when={r().guestId}>
                {(guest) => (
                  <Fact name="Guest">
                    <A href={`/proxmox/overview?open=${encodeURIComponent(`guest:${guest()}`)}`}>
                      {r().name}
                    </A>
                  </Fact>
                )}
              </Show>
              <Fact name="Service">
                <Copyable text={r().raw.sid} label="the service id" />
              </Fact>
            </dl>
          </section>
        </Drawer>
      )}
    </Opened>
  );
}

export function HaServices() {
  const clusters = () => live.list("clusters");
  const source = createMemo(() => {
    // Guests are looked up once, not once for each service.
    const guests = new Map(live.guests().map((g) => [`${g.vmid}`, g]));
    return clusters().flatMap((cluster) =>
      (cluster.ha?.services ?? []).map((raw) => ({ raw, cluster, guest: guests.get(`${raw.vmid}`) })),
    );
  });
  const rows = createRows(source, ({ raw, cluster, guest }): ServiceRow => {
    const known = guest && (guest.node === raw.node || !raw.node) ? guest : undefined;
    return {
      raw,
      cluster,
      id: `${cluster.id}/${raw.sid}`,
      name: known?.name ?? `guest ${raw.vmid}`,
      guestId: known?.id,
      level: levelOf(raw),
      why: WHY[raw.state] ?? (raw.state === "started" ? "Started" : raw.state),
      haystack: [known?.name, raw.sid, raw.node, raw.group, raw.state, raw.comment, cluster.name]
        .filter(Boolean)
        .join("\n")
        .toLowerCase(),
    };
  });
  const list = createList<ServiceRow>({
    key: "ha",
    kind: "service",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(NAME, COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) => LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level] || a.raw.vmid - b.raw.vmid,
    groupings: [
      {
        value: "cluster",
        label: "Cluster",
        keys: (r) => [r.cluster.name],
        title: (key) => key,
        meta: (all) =>
          `${plural(all.length, "service")} · ${all[0]?.cluster.ha?.master ? `master ${all[0].cluster.ha.master}` : "no master"}`,
      },
      {
        value: "node",
        label: "Node",
        keys: (r) => [r.raw.node ?? ""],
        title: (key) => key || "without node",
        meta: (all) => plural(all.length, "service"),
      },
    ],
    defaultGroup: "cluster",
  });
  const concerns = createMemo(() => [
    ...clusterConcerns(clusters()).filter((c) => !c.key.endsWith(" ha")),
    ...rowConcerns(
      rows(),
      "service",
      (row) => ({ title: `${row.name} (${row.raw.sid})`, detail: row.why }),
      list.openRow,
    ),
  ]);
  return (
    <ListPage
      list={list}
      title="HA services"
      name={NAME}
      columns={COLUMNS}
      example="is:problem"
      muted={(row) => row.level === "off"}
      tools={() => <ClusterTabs />}
      before={() => (
        <>
          <Strip
            concerns={concerns()}
            unknown={unknownOf(rows())}
            calm={`${plural(rows().length, "service")} as wanted.`}
          />
          <GapNote capability={/cluster|HA\b|vote/i} />
        </>
      )}
      empty={() => (
        <Empty title="High availability watches no guest" capability={/cluster|HA\b/i}>
          Guests are added in Proxmox under Datacenter, HA. A node on its own has no high availability.
        </Empty>
      )}
      foot={() => (
        <span>
          {list.filtered()
            ? `${list.shown().length} of ${plural(rows().length, "service")}`
            : plural(rows().length, "service")}
        </span>
      )}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc">{row().name}</b>
            <small class="trunc">{row().raw.sid}</small>
            <small class="r">{row().raw.node}</small>
          </div>
          <div class="h">
            <small class="trunc" data-tone={row().raw.troubled ? "critical" : undefined}>
              {row().why}
            </small>
            <small class="r">{row().raw.requested ? `wanted ${row().raw.requested}` : ""}</small>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <Details rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}
