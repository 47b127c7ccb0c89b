import { Show } from "solid-js";
import type { Column, NameColumn } from "@/components/list/columns";
import { Status } from "@/components/Status";
import { Age, Bytes, Meter, Pair, Spark, type Series } from "@/components/Values";
import { duration, percent, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { LIMITS } from "@/model/level";
import { daysUntilFull, growth, zfsLevel, type PoolRow } from "@/model/storage";
import { scanWords } from "@/model/zfs";

export const POOL_NAME: NameColumn<PoolRow> = {
  label: "Storage",
  sort: (r) => r.sortName,
  cell: (r) => (
    <span class="row" style={{ gap: "6px" }}>
      <span class="nm trunc">{r().name}</span>
      <Show when={r().raw.shared}>
        <span class="muted text-xs" title={`One storage, seen by ${r().nodes.length} nodes`}>
          shared
        </span>
      </Show>
    </span>
  ),
};

/** "12 d", "5 h", "now": how long until it is full. */
export function untilFull(row: PoolRow, series: Series | null | undefined): string | null {
  if (!series || !row.available) return null;
  const days = daysUntilFull(row.used, growth(series.times, series.values));
  return days === null
    ? null
    : duration(days * 86_400)
        .split(" ")
        .slice(0, 2)
        .join(" ");
}

/** What the thing beneath says about itself; nothing where there is nothing to say. */
function Beneath(props: { row: PoolRow }) {
  const zfs = () => props.row.raw.zfsPool;
  return (
    <>
      <Show when={zfs()}>
        {(pool) => (
          <span class="row" style={{ gap: "5px" }} title={pool().status || pool().scan}>
            <Show when={pool().state !== "ONLINE"}>
              <Status level={zfsLevel(pool().state)} decorative />
            </Show>
            <span class={pool().state === "ONLINE" ? "muted trunc" : "trunc"}>
              ZFS {pool().state === "ONLINE" ? "" : `${pool().state.toLowerCase()}, `}
              {scanWords(pool(), live.serverNow())}
            </span>
          </span>
        )}
      </Show>
      <Show when={props.row.metadata !== null}>
        <span
          class={props.row.metadataOver ? undefined : "muted"}
          data-tone={props.row.metadataOver || undefined}
        >
          metadata {percent(props.row.metadata ?? 0)} %
        </span>
      </Show>
      <Show when={!zfs() && props.row.metadata === null}>
        <span class="muted">{UNKNOWN}</span>
      </Show>
    </>
  );
}

export const poolColumns = (trend: (id: string) => Series | null | undefined): readonly Column<PoolRow>[] => [
  {
    key: "type",
    label: "Type",
    width: 84,
    priority: 2,
    sort: (r) => r.raw.type,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.type}</span>,
  },
  {
    key: "node",
    label: "Nodes",
    width: 96,
    priority: 2,
    sort: (r) => (r.raw.shared ? `~${r.nodes.length}` : r.nodes[0]) ?? null,
    ascending: true,
    tip: (r) => (r.nodes.length > 1 ? r.nodes.join("\n") : undefined),
    cell: (r) => (
      <span class="muted">{r().nodes.length === 1 ? r().nodes[0] : `${r().nodes.length} nodes`}</span>
    ),
  },
  {
    key: "cluster",
    label: "Cluster",
    width: 110,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.instance,
    ascending: true,
    cell: (r) => <span class="muted">{r().instance}</span>,
  },
  {
    key: "content",
    label: "Content",
    width: 190,
    priority: 3,
    sort: (r) => r.raw.content,
    ascending: true,
    tip: (r) => (r.content.length > 2 ? r.content.join(", ") : undefined),
    cell: (r) => <span class="muted">{r().content.join(", ") || UNKNOWN}</span>,
  },
  {
    key: "used",
    label: "Used",
    width: 224,
    narrow: 128,
    priority: 1,
    meter: true,
    sort: (r) => r.used,
    tip: (r) => (r.used === null ? r.why : undefined),
    cell: (r) => (
      <Meter
        value={r().used}
        over={r().usedOver}
        limit={LIMITS.storage.usage}
        detail={
          r().used === null ? (
            r().level === "critical" || r().level === "off" ? (
              r().why.toLowerCase()
            ) : undefined
          ) : (
            <Pair used={r().raw.used} total={r().raw.total} />
          )
        }
      />
    ),
  },
  {
    key: "free",
    label: "Free",
    width: 92,
    priority: 2,
    num: true,
    sort: (r) => (r.used === null ? null : r.raw.free),
    cell: (r) => <Bytes value={r().used === null ? null : r().raw.free} />,
  },
  {
    key: "total",
    label: "Total",
    width: 92,
    priority: 4,
    hiddenAtFirst: true,
    num: true,
    sort: (r) => r.raw.total || null,
    cell: (r) => <Bytes value={r().raw.total || null} />,
  },
  {
    key: "full",
    label: "7 days, full in",
    width: 150,
    priority: 3,
    sort: (r) => {
      const series = trend(r.id);
      return series ? daysUntilFull(r.used, growth(series.times, series.values)) : null;
    },
    ascending: true,
    tip: (r) => {
      const series = trend(r.id);
      if (!series) return "No history of this storage yet";
      const perDay = growth(series.times, series.values);
      if (perDay === null) return "Too little history to tell a rate";
      if (Math.abs(perDay) < 0.05) return "Steady over what is recorded of the last 7 days";
      return `${perDay >= 0 ? "+" : "−"}${percent(Math.abs(perDay))} % a day over what is recorded of the last 7 days`;
    },
    cell: (r) => (
      <Show when={trend(r().id)} fallback={<span class="muted">{UNKNOWN}</span>}>
        {(series) => (
          <span class="m">
            <Spark series={series()} limit={LIMITS.storage.usage} over={r().usedOver} last={r().used} />
            <Show when={untilFull(r(), series())} fallback={<span class="d muted">steady</span>}>
              {(words) => (
                <span
                  data-tone={
                    (daysUntilFull(r().used, growth(series().times, series().values)) ?? 99) < 14
                      ? "warning"
                      : undefined
                  }
                >
                  {words()}
                </span>
              )}
            </Show>
          </span>
        )}
      </Show>
    ),
  },
  {
    key: "beneath",
    label: "Beneath",
    width: 176,
    priority: 3,
    tip: (r) => r.raw.zfsPool?.status || r.raw.zfsPool?.scan,
    cell: (r) => <Beneath row={r()} />,
  },
  {
    key: "seen",
    label: "Report",
    width: 80,
    priority: 4,
    hiddenAtFirst: true,
    num: true,
    sort: (r) => -r.lastSeen,
    ascending: true,
    cell: (r) => (
      <span class="muted">
        <Age at={r().lastSeen} bare />
      </span>
    ),
  },
];
