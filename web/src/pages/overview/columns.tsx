/** Nodes and guests share these columns, so that CPU stands above CPU. */
import { createMemo, createRoot, Show, type JSX } from "solid-js";
import { columnChoice, fitColumns, type Column, type Fit } from "@/components/list/columns";
import type { SortValue } from "@/components/list/sort";
import { Tags } from "@/components/Tags";
import { Age, Degrees, Meter, Pair, Two } from "@/components/Values";
import { duration, naturalKey, plural, shortDuration, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import type { Trends } from "@/live/trends";
import { diskReason, type GuestRow } from "@/model/guest";
import { LIMITS } from "@/model/level";
import { versionOf, type NodeRow } from "@/model/node";
import type { OverviewState } from "./controller";

export interface CellContext {
  page: OverviewState;
  trends: Trends;
  guestsOn: (node: NodeRow) => { vm: number; ct: number; cores: number };
  /** The columns that fit and are wanted. */
  columns: () => PairColumn[];
  narrow: () => boolean;
}

/** One column of both tables: what it shows of a guest and what of a node. */
export interface PairColumn {
  key: string;
  label: string;
  width: number;
  narrow?: number;
  /** 1 always stays; 4 leaves first. */
  priority: number;
  guestHead: string | readonly [string, string];
  nodeHead: string | readonly [string, string];
  guestSort?: (row: GuestRow) => SortValue;
  nodeSort?: (row: NodeRow) => SortValue;
  ascending?: boolean;
  num?: boolean;
  meter?: boolean;
  hiddenAtFirst?: boolean;
  guest: (row: () => GuestRow, ctx: CellContext) => JSX.Element;
  node: (row: () => NodeRow, ctx: CellContext) => JSX.Element;
  tip?: boolean;
}

/** Without a single known backup, "none" would be a claim nobody checked. */
const backupsKnown = createRoot(() =>
  createMemo(() => (live.structure(), live.guests().some((row) => row.backup !== null))),
);

const muted = (text: string) => <span class="muted">{text}</span>;

export const COLUMNS: readonly PairColumn[] = [
  {
    key: "id",
    label: "ID",
    width: 78,
    priority: 1,
    guestHead: "ID",
    nodeHead: "Version",
    guestSort: (r) => r.vmid,
    ascending: true,
    nodeSort: (r) => naturalKey(versionOf(r.raw)),
    guest: (r) => (
      <>
        <span class="ty">{r().kind}</span>
        <span class="muted">{r().vmid}</span>
      </>
    ),
    node: (r) => muted(versionOf(r().raw) || UNKNOWN),
  },
  {
    key: "node",
    label: "Node",
    width: 96,
    priority: 2,
    guestHead: "Node",
    nodeHead: "",
    guestSort: (r) => r.node,
    ascending: true,
    hiddenAtFirst: true,
    guest: (r) => muted(r().node),
    node: () => null,
  },
  {
    key: "tags",
    label: "Tags",
    width: 122,
    priority: 2,
    guestHead: "Tags",
    nodeHead: "Guests",
    nodeSort: (r) => r.cores,
    guest: (r, ctx) => <Tags tags={r().tags} isActive={ctx.page.hasTag} onToggle={ctx.page.toggleTag} />,
    node: (r, ctx) => {
      const n = () => ctx.guestsOn(r());
      return (
        <button
          type="button"
          class="linkish trunc"
          style={{ color: ctx.page.isScoped(r().name) ? undefined : "var(--text-3)" }}
          tabindex={-1}
          aria-pressed={ctx.page.isScoped(r().name)}
          title={
            ctx.page.isScoped(r().name)
              ? "Show the guests of all nodes"
              : `Show only the guests of ${r().name}`
          }
          onClick={(event) => {
            event.stopPropagation();
            ctx.page.toggleNode(r().name);
          }}
        >
          {[n().vm ? `${n().vm} VM` : "", n().ct ? `${n().ct} CT` : ""].filter(Boolean).join(" · ") || "none"}
          <Show when={ctx.page.isScoped(r().name)}> ×</Show>
        </button>
      );
    },
  },
  {
    key: "os",
    label: "OS",
    width: 120,
    priority: 3,
    guestHead: "OS",
    nodeHead: "Kernel",
    hiddenAtFirst: true,
    guest: (r) => muted([r().raw.osName, r().raw.osVersion].filter(Boolean).join(" ") || UNKNOWN),
    node: (r) => muted(r().raw.kernelVersion || UNKNOWN),
  },
  {
    key: "ip",
    label: "IP address",
    width: 112,
    priority: 3,
    guestHead: "IP address",
    nodeHead: "",
    hiddenAtFirst: true,
    tip: true,
    guest: (r) => (
      <span class="mono muted">
        {r().raw.ipAddresses?.[0] ?? UNKNOWN}
        <Show when={(r().raw.ipAddresses?.length ?? 0) > 1}> +{(r().raw.ipAddresses?.length ?? 1) - 1}</Show>
      </span>
    ),
    node: () => null,
  },
  {
    key: "cpu",
    label: "CPU",
    width: 118,
    priority: 1,
    guestHead: "CPU",
    nodeHead: "CPU",
    guestSort: (r) => r.cpu,
    nodeSort: (r) => r.cpu,
    meter: true,
    tip: true,
    guest: (r, ctx) => (
      <Meter
        value={r().cpu}
        over={r().cpuOver}
        limit={LIMITS.guest.cpu}
        metric="cpu"
        series={r().cpu === null ? undefined : ctx.trends.get(r().id, "cpu")}
      />
    ),
    node: (r, ctx) => (
      <Meter
        value={r().cpu}
        over={r().cpuOver}
        limit={LIMITS.node.cpu}
        metric="cpu"
        series={r().cpu === null ? undefined : ctx.trends.get(r().id, "cpu")}
      />
    ),
  },
  {
    key: "mem",
    label: "Memory",
    width: 216,
    narrow: 128,
    priority: 1,
    guestHead: "Memory",
    nodeHead: "Memory",
    guestSort: (r) => r.mem,
    nodeSort: (r) => r.mem,
    meter: true,
    tip: true,
    guest: (r, ctx) => (
      <Meter
        value={r().mem}
        over={r().memOver}
        limit={LIMITS.guest.mem}
        metric="mem"
        series={r().mem === null ? undefined : ctx.trends.get(r().id, "mem")}
        detail={r().mem === null ? undefined : <Pair used={r().memUsed} total={r().memTotal} />}
      />
    ),
    node: (r, ctx) => (
      <Meter
        value={r().mem}
        over={r().memOver}
        limit={LIMITS.node.mem}
        metric="mem"
        series={r().mem === null ? undefined : ctx.trends.get(r().id, "mem")}
        detail={
          r().mem === null ? undefined : (
            <Pair used={r().raw.memory?.used ?? 0} total={r().raw.memory?.total ?? 0} />
          )
        }
      />
    ),
  },
  {
    key: "disk",
    label: "Disk",
    width: 216,
    narrow: 128,
    priority: 1,
    guestHead: "Disk",
    nodeHead: "Disk",
    guestSort: (r) => r.disk,
    nodeSort: (r) => r.disk,
    meter: true,
    tip: true,
    guest: (r, ctx) => (
      <Meter
        value={r().disk}
        over={r().diskOver}
        limit={LIMITS.guest.disk}
        metric="disk"
        series={r().disk === null || r().power !== "running" ? undefined : ctx.trends.get(r().id, "disk")}
        detail={
          r().disk !== null ? (
            <Pair used={r().diskUsed} total={r().diskTotal} />
          ) : r().power === "running" ? (
            diskReason(r().raw)?.[0]
          ) : undefined
        }
      />
    ),
    node: (r, ctx) => (
      <Meter
        value={r().disk}
        over={r().diskOver}
        limit={LIMITS.node.disk}
        metric="disk"
        series={r().disk === null ? undefined : ctx.trends.get(r().id, "disk")}
        detail={
          r().disk !== null ? (
            <Pair used={r().raw.disk?.used ?? 0} total={r().raw.disk?.total ?? 0} />
          ) : r().offline && r().lastSeen > 0 ? (
            <>
              last seen <Age at={r().lastSeen} />
            </>
          ) : undefined
        }
      />
    ),
  },
  {
    key: "net",
    label: "Network",
    width: 140,
    priority: 3,
    guestHead: ["Net in/s", "Out/s"],
    nodeHead: ["Load 1 min", "15 min"],
    guestSort: (r) => (r.netIn === null ? null : r.netIn + (r.netOut ?? 0)),
    nodeSort: (r) => r.raw.loadAverage?.[0] ?? null,
    num: true,
    guest: (r) => <Two a={r().netIn} b={r().netOut} />,
    node: (r) => (
      <span class="io">
        <span>{load(r(), 0)}</span>
        <span>{load(r(), 2)}</span>
      </span>
    ),
  },
  {
    key: "io",
    label: "Disk IO",
    width: 140,
    priority: 4,
    guestHead: ["Read/s", "Write/s"],
    nodeHead: ["vCPU", "Cores"],
    guestSort: (r) => (r.read === null ? null : r.read + (r.write ?? 0)),
    num: true,
    guest: (r) => <Two a={r().read} b={r().write} />,
    node: (r, ctx) => (
      <span class="io">
        <span>{r().offline ? muted(UNKNOWN) : ctx.guestsOn(r()).cores}</span>
        <span class="muted">{r().cores || UNKNOWN}</span>
      </span>
    ),
  },
  {
    key: "backup",
    label: "Backup",
    width: 100,
    priority: 2,
    guestHead: "Backup",
    nodeHead: "Temp",
    guestSort: (r) => r.backup,
    ascending: true,
    nodeSort: (r) => r.temp,
    num: true,
    guest: (r) => (
      <Show when={r().backup} keyed fallback={<span class="muted">{backupsKnown() ? "none" : UNKNOWN}</span>}>
        {(at) => <Age at={at} bare />}
      </Show>
    ),
    node: (r) => <Degrees value={r().temp} over={r().tempOver} />,
  },
  {
    key: "uptime",
    label: "Uptime",
    width: 94,
    priority: 1,
    guestHead: "Uptime",
    nodeHead: "Uptime",
    guestSort: (r) => r.uptime,
    nodeSort: (r) => r.uptime,
    num: true,
    guest: (r) => (
      <Show
        when={r().uptime !== null}
        fallback={
          <span class="muted">
            {r().power === "off"
              ? r().raw.template
                ? "template"
                : "off"
              : r().power === "unknown" && r().lastSeen > 0
                ? `${shortDuration((live.serverNow() - r().lastSeen) / 1000)} ago`
                : UNKNOWN}
          </span>
        }
      >
        {duration(r().uptime ?? 0)}
      </Show>
    ),
    node: (r) => (
      <Show when={!r().offline} fallback={<span data-tone="critical">offline</span>}>
        {r().uptime === null ? UNKNOWN : duration(r().uptime ?? 0)}
      </Show>
    ),
  },
];

function load(row: NodeRow, index: number): JSX.Element {
  const value = row.offline ? undefined : row.raw.loadAverage?.[index];
  return value === undefined ? muted(UNKNOWN) : value.toFixed(value >= 10 ? 1 : 2);
}

export const overviewColumns = columnChoice("guests", () => COLUMNS);

/** Beside a wide drawer even the essentials leave, one by one. */
const LEAVE_LAST = ["uptime", "id", "disk", "mem"];

export function columnsFor(width: number): Fit<PairColumn> {
  const noBackups =
    live.loaded() &&
    !live.guests().some((row) => row.backup !== null) &&
    !live.nodes().some((row) => row.temp !== null);
  const wanted = overviewColumns.wanted().filter((c) => !(c.key === "backup" && noBackups));
  return fitColumns(wanted, width, { last: LEAVE_LAST });
}

export const guestColumn = (c: PairColumn, ctx: CellContext): Column<GuestRow> => ({
  key: c.key,
  label: c.label,
  width: c.width,
  ...(c.narrow === undefined ? {} : { narrow: c.narrow }),
  priority: c.priority,
  head: c.guestHead,
  ...(c.guestSort ? { sort: c.guestSort } : {}),
  num: c.num ?? false,
  meter: c.meter ?? false,
  cell: (row) => c.guest(row, ctx),
  ...(c.tip ? { tip: (row: GuestRow) => tipText(c.key, row) } : {}),
});

/** Words behind a cell: filesystems, swap, addresses, and why a value is missing. */
export function tipText(kind: string, row: GuestRow | NodeRow): string | undefined {
  if (!("vmid" in row)) {
    if (kind === "cpu" && row.raw.cpuInfo) return `${plural(row.cores, "core")}\n${row.raw.cpuInfo.model}`;
    if (kind === "status") return row.why;
    return undefined;
  }
  const gib = (n: number) => `${(n / 1024 ** 3).toFixed(1)} GiB`;
  switch (kind) {
    case "status":
      return row.why + (row.raw.lock ? `\nLocked by ${row.raw.lock}` : "");
    case "cpu":
      return plural(row.raw.cpus, "vCPU", "vCPUs");
    case "mem": {
      const m = row.raw.memory;
      if (!m || row.mem === null) return undefined;
      const lines = [`${gib(m.used)} of ${gib(m.total)} used`];
      if (m.balloon && m.balloon < m.total) lines.push(`balloon at ${gib(m.balloon)}`);
      if (m.swapTotal) lines.push(`swap ${gib(m.swapUsed ?? 0)} of ${gib(m.swapTotal)}`);
      return lines.join("\n");
    }
    case "disk": {
      const reason = diskReason(row.raw);
      if (reason && row.power === "running") return reason[1];
      return row.raw.disks
        ?.map((d) => `${d.mountpoint ?? d.device ?? "disk"}: ${Math.round(d.usage)} % of ${gib(d.total)}`)
        .join("\n");
    }
    case "ip":
      return row.raw.networkInterfaces
        ?.map((n) => [n.name, n.mac, ...(n.addresses ?? [])].filter(Boolean).join("  "))
        .join("\n");
    default:
      return undefined;
  }
}
