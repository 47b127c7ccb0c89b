/** Nodes and guests share these columns, so that CPU stands above CPU. */
import { createMemo, createRoot, Show, type JSX } from "solid-js";
import { Icon } from "@/components/Icon";
import { Tags } from "@/components/Tags";
import { Age, Meter, Pair, Two } from "@/components/Values";
import { duration, plural, shortDuration, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import type { Trends } from "@/live/trends";
import { diskReason, type GuestRow } from "@/model/guest";
import { LIMITS } from "@/model/level";
import { versionOf, type NodeRow } from "@/model/node";
import { prefs } from "@/prefs/prefs";
import type { OverviewState } from "./controller";

export interface CellContext {
  page: OverviewState;
  trends: Trends;
  guestsOn: (node: NodeRow) => { vm: number; ct: number; cores: number };
  /** The columns that fit and are wanted. */
  columns: () => Column[];
}

export interface Column {
  key: string;
  label: string;
  class: string;
  /** 1 always stays; 4 leaves first. */
  priority: number;
  guestHead: string | readonly [string, string];
  nodeHead: string | readonly [string, string];
  guestSort?: string;
  nodeSort?: string;
  num?: boolean;
  meter?: boolean;
  hiddenAtFirst?: boolean;
  guest: (row: () => GuestRow, ctx: CellContext) => JSX.Element;
  node: (row: () => NodeRow, ctx: CellContext) => JSX.Element;
  tip?: string;
}

/** Without a single known backup, "none" would be a claim nobody checked. */
const backupsKnown = createRoot(() =>
  createMemo(() => (live.structure(), live.guests().some((row) => row.backup !== null))),
);

const muted = (text: string) => <span class="muted">{text}</span>;

export function temperature(celsius: number): readonly [string, string] {
  return prefs.fahrenheit
    ? [String(Math.round(celsius * 1.8 + 32)), "°F"]
    : [String(Math.round(celsius)), "°C"];
}

export const COLUMNS: readonly Column[] = [
  {
    key: "id",
    label: "ID",
    class: "c-id",
    priority: 1,
    guestHead: "ID",
    nodeHead: "Version",
    guestSort: "id",
    nodeSort: "version",
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
    class: "c-node",
    priority: 2,
    guestHead: "Node",
    nodeHead: "",
    guestSort: "node",
    hiddenAtFirst: true,
    guest: (r) => muted(r().node),
    node: () => null,
  },
  {
    key: "tags",
    label: "Tags",
    class: "c-tags",
    priority: 2,
    guestHead: "Tags",
    nodeHead: "Guests",
    nodeSort: "guests",
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
    class: "c-os",
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
    class: "c-ip",
    priority: 3,
    guestHead: "IP address",
    nodeHead: "",
    hiddenAtFirst: true,
    tip: "ip",
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
    class: "c-cpu",
    priority: 1,
    guestHead: "CPU",
    nodeHead: "CPU",
    guestSort: "cpu",
    nodeSort: "cpu",
    meter: true,
    tip: "cpu",
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
    class: "c-mem",
    priority: 1,
    guestHead: "Memory",
    nodeHead: "Memory",
    guestSort: "mem",
    nodeSort: "mem",
    meter: true,
    tip: "mem",
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
    class: "c-dsk",
    priority: 1,
    guestHead: "Disk",
    nodeHead: "Disk",
    guestSort: "disk",
    nodeSort: "disk",
    meter: true,
    tip: "disk",
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
    class: "c-net",
    priority: 3,
    guestHead: ["Net in/s", "Out/s"],
    nodeHead: ["Load 1 min", "15 min"],
    guestSort: "net",
    nodeSort: "load",
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
    class: "c-io",
    priority: 4,
    guestHead: ["Read/s", "Write/s"],
    nodeHead: ["vCPU", "Cores"],
    guestSort: "io",
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
    class: "c-bk",
    priority: 2,
    guestHead: "Backup",
    nodeHead: "Temp",
    guestSort: "backup",
    nodeSort: "temp",
    num: true,
    guest: (r) => (
      <Show when={r().backup} keyed fallback={<span class="muted">{backupsKnown() ? "none" : UNKNOWN}</span>}>
        {(at) => <Age at={at} bare />}
      </Show>
    ),
    node: (r) => (
      <Show when={r().temp !== null} fallback={<span class="muted">{UNKNOWN}</span>}>
        <span data-tone={r().tempOver || undefined}>
          {temperature(r().temp ?? 0)[0]}
          <span class="u">{temperature(r().temp ?? 0)[1]}</span>
        </span>
      </Show>
    ),
  },
  {
    key: "uptime",
    label: "Uptime",
    class: "c-up",
    priority: 1,
    guestHead: "Uptime",
    nodeHead: "Uptime",
    guestSort: "uptime",
    nodeSort: "uptime",
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

const hiddenAtFirst = COLUMNS.filter((c) => c.hiddenAtFirst).map((c) => c.key);

export const hiddenColumns = () => prefs.hidden.guests ?? hiddenAtFirst;

/** All columns in the chosen order; columns that a stored order does not know stay at their place at the end. */
export function orderedColumns(): Column[] {
  const order = prefs.order.guests ?? [];
  const at = (key: string, i: number) => {
    const index = order.indexOf(key);
    return index < 0 ? 100 + i : index;
  };
  return COLUMNS.map((column, i) => ({ column, at: order.length ? at(column.key, i) : i }))
    .sort((a, b) => a.at - b.at)
    .map((entry) => entry.column);
}

/** Widths of the style sheet, to know what fits beside a readable name. */
const WIDTH: Record<string, number> = {
  "c-id": 78,
  "c-node": 96,
  "c-tags": 122,
  "c-os": 120,
  "c-ip": 112,
  "c-cpu": 118,
  "c-mem": 216,
  "c-dsk": 216,
  "c-net": 140,
  "c-io": 140,
  "c-bk": 100,
  "c-up": 94,
};
const NARROW_METER = 128;
const STATE_AND_NAME = 40 + 150;

/** Beside a wide drawer even the essentials leave, one by one. */
const LEAVE_LAST = ["uptime", "id", "disk", "mem"];

export interface Fit {
  columns: Column[];
  /** Meters without their used / total. */
  narrow: boolean;
}

/**
 * Columns leave by priority as the list narrows; the name never gets less than it needs, and the list never
 * scrolls sideways. They leave the DOM, not only the screen: a colspan over hidden columns would invent new ones.
 */
export function columnsFor(width: number): Fit {
  const hidden = hiddenColumns();
  const noBackups =
    live.loaded() &&
    !live.guests().some((row) => row.backup !== null) &&
    !live.nodes().some((row) => row.temp !== null);
  const wanted = orderedColumns().filter(
    (c) => !hidden.includes(c.key) && !(c.key === "backup" && noBackups),
  );
  const stages = [
    [4, false],
    [3, false],
    [2, false],
    [2, true],
    [1, true],
  ] as const;
  for (const [room, narrow] of stages) {
    const columns = wanted.filter((c) => c.priority <= room);
    const size = (c: Column) =>
      narrow && /c-mem|c-dsk/.test(c.class) ? NARROW_METER : (WIDTH[c.class] ?? 100);
    const total = () => columns.reduce((sum, c) => sum + size(c), STATE_AND_NAME);
    if (room === 1)
      for (const key of LEAVE_LAST) {
        if (total() <= width) break;
        const at = columns.findIndex((c) => c.key === key);
        if (at >= 0) columns.splice(at, 1);
      }
    if (room === 1 || total() <= width) return { columns, narrow };
  }
  return { columns: wanted, narrow: true };
}

export function HeadContent(props: { text: string | readonly [string, string] }) {
  return (
    <Show when={Array.isArray(props.text)} fallback={props.text as string}>
      <span class="io">
        <span>{(props.text as readonly [string, string])[0]}</span>
        <span>{(props.text as readonly [string, string])[1]}</span>
      </span>
    </Show>
  );
}

export function SortHead(props: {
  label: JSX.Element;
  sortKey: string | undefined;
  sort: { key: string; down: boolean };
  onSort: (key: string) => void;
  num?: boolean | undefined;
}) {
  const active = () => props.sortKey !== undefined && props.sort.key === props.sortKey;
  return (
    <Show when={props.sortKey} keyed fallback={props.label}>
      {(key) => (
        <button
          type="button"
          class="th-btn"
          style={props.num ? { width: "100%" } : undefined}
          onClick={() => props.onSort(key)}
        >
          <span style={props.num ? { flex: "1" } : undefined}>{props.label}</span>
          <Show when={active()}>
            <Icon name={props.sort.down ? "arrowDown" : "arrowUp"} />
          </Show>
        </button>
      )}
    </Show>
  );
}

export const ariaSort = (active: boolean, down: boolean) =>
  active ? (down ? "descending" : "ascending") : undefined;

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
