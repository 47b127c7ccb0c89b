/** Members of clusters and nodes on their own: quorum, high availability, updates, reboots, certificates. */
import { createMemo, lazy, Show } from "solid-js";
import { createList, type Facet } from "@/components/list/controller";
import type { Column, NameColumn } from "@/components/list/columns";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { rowConcerns, Strip, unknownOf } from "@/components/list/Strip";
import { Badge, Status } from "@/components/Status";
import { duration, naturalKey, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { LEVEL_ORDER } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { clusterConcerns } from "./concerns";
import { certLevel, certWords, members, quorumWords, type MemberRow } from "@/model/cluster";
import { ClusterTabs } from "./Tabs";
import { createRows } from "@/live/rows";

const MemberDetails = lazy(() => import("./MemberDetails"));

const tone = (level: string) => (level === "warning" || level === "critical" ? level : undefined);
const unread = () => <span class="muted">{UNKNOWN}</span>;

const NAME: NameColumn<MemberRow> = {
  label: "Node",
  sort: (r) => r.sortName,
  cell: (r) => (
    <span class="row" style={{ gap: "6px" }}>
      <span class="nm trunc">{r().name}</span>
      <Show when={r().state?.ha?.master === r().name}>
        <Badge title="Its cluster resource manager decides">HA master</Badge>
      </Show>
    </span>
  ),
};

const COLUMNS: readonly Column<MemberRow>[] = [
  {
    key: "online",
    label: "Membership",
    width: 110,
    priority: 1,
    sort: (r) => (r.online ? 1 : 0),
    ascending: true,
    cell: (r) => (
      <span class={r().online ? "muted" : undefined} data-tone={r().online ? undefined : "critical"}>
        {r().online ? "online" : "offline"}
      </span>
    ),
  },
  {
    key: "votes",
    label: "Votes",
    width: 64,
    priority: 3,
    num: true,
    sort: (r) => r.votes,
    cell: (r) => <span class="muted">{r().votes ?? UNKNOWN}</span>,
  },
  {
    key: "ha",
    label: "High availability",
    width: 150,
    priority: 2,
    sort: (r) => r.ha || null,
    ascending: true,
    tip: (r) =>
      r.ha ? `State of the local resource manager: ${r.ha}` : "Takes no part in high availability",
    cell: (r) => (
      <span class={r().haLevel === "ok" ? "muted" : undefined} data-tone={tone(r().haLevel)}>
        {r().ha || UNKNOWN}
      </span>
    ),
  },
  {
    key: "updates",
    label: "Updates",
    width: 130,
    priority: 1,
    sort: (r) => (r.updates ? r.updates.security * 10_000 + r.updates.pending : null),
    tip: (r) =>
      r.updates
        ? [
            r.updates.packages.join("\n") || "Nothing is pending",
            r.updates.securityKnown || r.updates.pending === 0
              ? ""
              : "Proxmox does not tell which of them are security updates",
          ]
            .filter(Boolean)
            .join("\n")
        : "Not read: the account needs Sys.Modify, or the first reading is still to come",
    cell: (r) => (
      <Show when={r().updates} fallback={unread()}>
        {(u) => (
          <Show when={u().pending > 0} fallback={<span class="muted">up to date</span>}>
            {u().pending}
            <Show when={!u().securityKnown}>
              <span class="muted"> · kinds not told</span>
            </Show>
            <Show when={u().security > 0}>
              <span class="text-notice-text font-semibold"> · {u().security} security</span>
            </Show>
          </Show>
        )}
      </Show>
    ),
  },
  {
    key: "reboot",
    label: "Reboot",
    width: 90,
    priority: 2,
    sort: (r) => (r.updates?.rebootNeeded === undefined ? null : r.updates.rebootNeeded ? 1 : 0),
    tip: (r) =>
      r.updates?.rebootNeeded
        ? `Runs ${r.updates.runningKernel ?? "an older kernel"}, installed is ${r.updates.installedKernel ?? "a newer one"}`
        : undefined,
    cell: (r) => (
      <Show when={r().updates?.rebootNeeded !== undefined} fallback={unread()}>
        <span class={r().updates?.rebootNeeded ? "text-notice-text font-semibold" : "muted"}>
          {r().updates?.rebootNeeded ? "needed" : "no"}
        </span>
      </Show>
    ),
  },
  {
    key: "cert",
    label: "Certificate",
    width: 110,
    priority: 1,
    num: true,
    sort: (r) => r.nextEnd?.days ?? null,
    ascending: true,
    tip: (r) => (r.nextEnd ? `${r.nextEnd.file} ends first` : "Not read"),
    cell: (r) => (
      <Show when={r().nextEnd} fallback={unread()}>
        {(end) => (
          <span
            class={
              certLevel(end().days) === "ok"
                ? "muted"
                : certLevel(end().days) === "notice"
                  ? "text-notice-text"
                  : undefined
            }
            data-tone={tone(certLevel(end().days))}
          >
            {certWords(end().days)}
          </span>
        )}
      </Show>
    ),
  },
  {
    key: "version",
    label: "Version",
    width: 78,
    priority: 3,
    sort: (r) => (r.version ? naturalKey(r.version) : null),
    cell: (r) => <span class="muted">{r().version || UNKNOWN}</span>,
  },
  {
    key: "kernel",
    label: "Kernel",
    width: 150,
    priority: 4,
    sort: (r) => (r.kernel ? naturalKey(r.kernel) : null),
    tip: (r) => r.node?.raw.kernelVersion,
    cell: (r) => <span class="muted">{r().kernel || UNKNOWN}</span>,
  },
  {
    key: "ip",
    label: "Address",
    width: 112,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.ip || null,
    ascending: true,
    cell: (r) => <span class="mono muted">{r().ip || UNKNOWN}</span>,
  },
  {
    key: "uptime",
    label: "Uptime",
    width: 108,
    priority: 2,
    num: true,
    sort: (r) => r.node?.uptime ?? null,
    cell: (r) => <span class="muted">{r().node?.uptime ? duration(r().node?.uptime ?? 0) : UNKNOWN}</span>,
  },
];

const LANGUAGE = makeLanguage<MemberRow>({
  haystack: (r) => r.haystack,
  what: ["node", "nodes"],
  fields: [
    { name: "name", aliases: ["node"], help: "name contains", text: (r) => r.name, values: (r) => [r.name] },
    {
      name: "cluster",
      aliases: ["instance"],
      help: "member of",
      text: (r) => r.cluster || "standalone",
      exact: true,
      values: (r) => [r.cluster || "standalone"],
    },
    {
      name: "status",
      aliases: ["is"],
      help: "online, offline, reboot, problem",
      exact: true,
      words: [
        "online",
        "offline",
        "reboot",
        "updates",
        "security",
        "maintenance",
        "problem",
        "ok",
        "warning",
        "critical",
      ],
      text: (r) => [
        r.online ? "online" : "offline",
        r.level,
        ...(r.updates?.rebootNeeded ? ["reboot"] : []),
        ...((r.updates?.pending ?? 0) > 0 ? ["updates"] : []),
        ...((r.updates?.security ?? 0) > 0 ? ["security"] : []),
        ...(r.haLevel === "paused" ? ["maintenance"] : []),
        ...(r.level === "warning" || r.level === "critical" ? ["problem"] : []),
      ],
      values: (r) => [r.online ? "online" : "offline"],
    },
    { name: "package", help: "pending package contains", text: (r) => r.updates?.packages ?? [] },
    { name: "updates", help: "pending packages", number: (r) => r.updates?.pending ?? null, unit: "count" },
    {
      name: "security",
      help: "pending security updates",
      number: (r) => (r.updates?.securityKnown ? r.updates.security : null),
      unit: "count",
    },
    {
      name: "cert",
      help: "time until a certificate ends, such as 30d",
      number: (r) => (r.nextEnd ? r.nextEnd.days * 86_400 : null),
      unit: "duration",
    },
    { name: "version", help: "Proxmox VE version", text: (r) => r.version, values: (r) => [r.version] },
    {
      name: "uptime",
      help: "running for, such as 30d",
      number: (r) => r.node?.uptime ?? null,
      unit: "duration",
    },
  ],
  examples: [
    ["security>0", "security updates are pending"],
    ["cert<30d", "a certificate ends soon"],
    ["is:reboot", "a newer kernel waits"],
  ],
});

const FACETS: readonly Facet<MemberRow>[] = [
  {
    param: "problems",
    value: "1",
    label: "Problems",
    level: "warning",
    test: (r) => r.level === "warning" || r.level === "critical",
  },
  {
    param: "due",
    value: "updates",
    label: "Updates",
    level: "notice",
    test: (r) => (r.updates?.pending ?? 0) > 0,
    apart: true,
  },
  {
    param: "due",
    value: "security",
    label: "Security",
    level: "notice",
    test: (r) => (r.updates?.security ?? 0) > 0,
  },
  {
    param: "due",
    value: "reboot",
    label: "Reboot",
    level: "notice",
    test: (r) => r.updates?.rebootNeeded === true,
  },
  {
    param: "due",
    value: "cert",
    label: "Certificate ends",
    level: "warning",
    test: (r) => r.nextEnd !== null && certLevel(r.nextEnd.days) !== "ok",
  },
];

export function Nodes() {
  const clusters = () => live.list("clusters");
  const rows = createRows(
    () => members(clusters(), live.nodes(), live.context().at),
    (row) => row,
  );
  const list = createList<MemberRow>({
    key: "cluster",
    kind: "member",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(NAME, COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) => (a.sortName < b.sortName ? -1 : a.sortName > b.sortName ? 1 : 0),
    groupings: [
      {
        value: "cluster",
        label: "Cluster",
        keys: (r) => [r.cluster],
        title: (key) => key || "Nodes on their own",
        order: (key) => (key ? naturalKey(key) : null),
        meta: (all) => (all[0]?.state ? quorumWords(all[0].state) : plural(all.length, "node")),
      },
    ],
    defaultGroup: "cluster",
  });
  const concerns = createMemo(() => [
    ...clusterConcerns(clusters()),
    ...rowConcerns(
      rows(),
      "member",
      (row) => ({ title: row.name, since: row.online ? 0 : (row.node?.lastSeen ?? 0) }),
      list.openRow,
    ),
  ]);
  const calm = () => {
    const unsaid = clusters().filter((c) => typeof c.quorate !== "boolean" || c.stale);
    const quorum =
      clusters().length === 0
        ? ""
        : unsaid.length > 0
          ? `; the quorum of ${unsaid.map((c) => c.name).join(", ")} is not known`
          : "; every cluster is quorate";
    return `${plural(rows().length, "node")} online, no certificate that was read ends soon${quorum}.`;
  };
  const security = () => rows().reduce((sum, r) => sum + (r.updates?.security ?? 0), 0);
  return (
    <ListPage
      list={list}
      title="Cluster nodes"
      name={NAME}
      columns={COLUMNS}
      example="security>0"
      muted={(row) => !row.online}
      tools={() => <ClusterTabs />}
      before={() => (
        <>
          <Strip concerns={concerns()} unknown={unknownOf(rows())} calm={calm()} />
          <GapNote capability={/cluster|vote|update|certificate|version/i} />
        </>
      )}
      empty={() => (
        <Empty title="No node is reported" capability={/cluster|node/i}>
          Nodes appear with the first answer of a connection.
        </Empty>
      )}
      foot={() => (
        <>
          <span>
            {list.filtered()
              ? `${list.shown().length} of ${plural(rows().length, "node")}`
              : plural(rows().length, "node")}
          </span>
          <Show when={security() > 0}>
            <span class="grp">
              <Status level="notice" decorative />
              {plural(security(), "security update")} pending
            </span>
          </Show>
        </>
      )}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc">{row().name}</b>
            <small class="trunc">{row().cluster || "on its own"}</small>
            <small class="r" data-tone={row().online ? undefined : "critical"}>
              {row().online ? row().version : "offline"}
            </small>
          </div>
          <div class="h">
            <small class="trunc">
              {row().updates
                ? row().updates?.pending
                  ? `${plural(row().updates?.pending ?? 0, "update")}${row().updates?.security ? `, ${row().updates?.security} security` : ""}`
                  : "up to date"
                : "updates not read"}
              {row().updates?.rebootNeeded ? ", reboot needed" : ""}
            </small>
            <small
              class="r"
              data-tone={row().nextEnd ? tone(certLevel(row().nextEnd?.days ?? 0)) : undefined}
            >
              {row().nextEnd ? `certificate ${certWords(row().nextEnd?.days ?? 0)}` : ""}
            </small>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => (
        <MemberDetails rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />
      )}
    />
  );
}
