import { Show } from "solid-js";
import type { Column, NameColumn } from "@/components/list/columns";
import { Age, Degrees, Meter, Pair } from "@/components/Values";
import { duration, naturalKey, UNKNOWN } from "@/format/format";
import type { HostRow } from "@/model/host";
import { LIMITS } from "@/model/level";

export const HOST_NAME: NameColumn<HostRow> = {
  label: "Host",
  sort: (r) => naturalKey(r.name),
  cell: (r) => (
    <>
      <span class="nm">{r().name}</span>
      <Show when={r().raw.hostname !== r().name}>
        <span class="muted text-xs ml-2">{r().raw.hostname}</span>
      </Show>
    </>
  ),
};

export const HOST_COLUMNS: readonly Column<HostRow>[] = [
  {
    key: "os",
    label: "System",
    width: 190,
    priority: 2,
    sort: (r) => r.os,
    ascending: true,
    cell: (r) => (
      <span class="muted" title={r().os}>
        {r().os || r().raw.platform || UNKNOWN}
      </span>
    ),
  },
  {
    key: "cpu",
    label: "CPU",
    width: 118,
    priority: 1,
    meter: true,
    sort: (r) => r.cpu,
    cell: (r) => <Meter value={r().cpu} over={r().cpuOver} limit={LIMITS.host.cpu} />,
  },
  {
    key: "mem",
    label: "Memory",
    width: 216,
    narrow: 128,
    priority: 1,
    meter: true,
    sort: (r) => r.mem,
    cell: (r) => (
      <Meter
        value={r().mem}
        over={r().memOver}
        limit={LIMITS.host.mem}
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
    label: "Fullest disk",
    width: 216,
    narrow: 128,
    priority: 1,
    meter: true,
    sort: (r) => r.disk,
    tip: (r) => r.fullest?.mountpoint,
    cell: (r) => (
      <Meter
        value={r().disk}
        over={r().diskOver}
        limit={LIMITS.host.disk}
        detail={
          r().disk === null ? (
            r().offline && r().lastSeen > 0 ? (
              <>
                last seen <Age at={r().lastSeen} />
              </>
            ) : undefined
          ) : (
            <Pair used={r().fullest?.used ?? 0} total={r().fullest?.total ?? 0} />
          )
        }
      />
    ),
  },
  {
    key: "load",
    label: "Load",
    width: 78,
    priority: 4,
    num: true,
    sort: (r) => r.load,
    cell: (r) => (r().load === null ? <span class="muted">{UNKNOWN}</span> : r().load?.toFixed(2)),
  },
  {
    key: "temp",
    label: "Temp",
    width: 78,
    priority: 3,
    num: true,
    sort: (r) => r.temp,
    cell: (r) => <Degrees value={r().temp} over={r().tempOver} />,
  },
  {
    key: "uptime",
    label: "Uptime",
    width: 94,
    priority: 2,
    num: true,
    sort: (r) => r.uptime,
    cell: (r) => (r().uptime === null ? <span class="muted">{UNKNOWN}</span> : duration(r().uptime ?? 0)),
  },
  {
    key: "age",
    label: "Report",
    width: 94,
    priority: 1,
    num: true,
    sort: (r) => -r.lastSeen,
    ascending: true,
    cell: (r) => (
      <span class={r().offline ? undefined : "muted"} data-tone={r().offline ? "critical" : undefined}>
        <Age at={r().lastSeen} />
      </span>
    ),
  },
];
