/** Physical disks of all nodes. */
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
import { Note, Status } from "@/components/Status";
import { Age, Bytes, Degrees, Meter } from "@/components/Values";
import { bytes, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { LEVEL_ORDER } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { LIFE, makeDisk, type DiskRow } from "@/model/disk";
import { StorageTabs } from "./Tabs";

const HEALTH: Record<DiskRow["health"], string> = {
  passed: "passed",
  failed: "failed",
  unknown: "not reported",
  standby: "standby",
};

const NAME: NameColumn<DiskRow> = {
  label: "Disk",
  min: 130,
  sort: (r) => r.sortName,
  cell: (r) => <span class="nm mono">{r().name}</span>,
};

const COLUMNS: readonly Column<DiskRow>[] = [
  {
    key: "node",
    label: "Node",
    width: 96,
    priority: 1,
    sort: (r) => r.node,
    ascending: true,
    cell: (r) => <span class="muted">{r().node}</span>,
  },
  {
    key: "model",
    label: "Model",
    width: 220,
    priority: 2,
    sort: (r) => r.raw.model,
    ascending: true,
    tip: (r) => [r.raw.vendor, r.raw.model, r.raw.serial].filter(Boolean).join("\n"),
    cell: (r) => <span class="muted">{r().raw.model || UNKNOWN}</span>,
  },
  {
    key: "serial",
    label: "Serial",
    width: 130,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.raw.serial,
    ascending: true,
    cell: (r) => <span class="mono muted">{r().raw.serial || UNKNOWN}</span>,
  },
  {
    key: "type",
    label: "Type",
    width: 64,
    priority: 3,
    sort: (r) => r.raw.type,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.type || UNKNOWN}</span>,
  },
  {
    key: "size",
    label: "Size",
    width: 88,
    priority: 2,
    num: true,
    sort: (r) => r.raw.size,
    cell: (r) => <Bytes value={r().raw.size || null} />,
  },
  {
    key: "health",
    label: "SMART",
    width: 110,
    priority: 1,
    sort: (r) => r.health,
    ascending: true,
    cell: (r) => (
      <span
        class={r().health === "failed" ? undefined : "muted"}
        data-tone={r().health === "failed" ? "critical" : undefined}
      >
        {HEALTH[r().health]}
      </span>
    ),
  },
  {
    key: "life",
    label: "Life left",
    width: 126,
    priority: 1,
    meter: true,
    sort: (r) => r.life,
    ascending: true,
    tip: (r) =>
      r.life === null
        ? "The disk does not tell how worn it is"
        : `${percent(100 - r.life)} % worn; replace it under ${LIFE.warning} % left`,
    cell: (r) => <Meter value={r().life} over={r().lifeOver} />,
  },
  {
    key: "temp",
    label: "Temp",
    width: 78,
    priority: 2,
    num: true,
    sort: (r) => r.temperature,
    tip: (r) =>
      r.temperature === null
        ? r.health === "standby"
          ? "In standby: not woken to be read"
          : "No source reports its temperature; the Pulse agent on the node does"
        : undefined,
    cell: (r) => <Degrees value={r().temperature} over={r().temperatureOver} />,
  },
  {
    key: "used",
    label: "Used for",
    width: 110,
    priority: 3,
    sort: (r) => r.raw.used || null,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.used || "not used"}</span>,
  },
  {
    key: "seen",
    label: "Read",
    width: 84,
    priority: 4,
    num: true,
    sort: (r) => -r.raw.lastSeen,
    ascending: true,
    cell: (r) => (
      <span class="muted">
        <Age at={r().raw.lastSeen} bare />
      </span>
    ),
  },
];

const LANGUAGE = makeLanguage<DiskRow>({
  haystack: (r) => r.haystack,
  what: ["disk", "disks"],
  fields: [
    { name: "node", help: "in this node", text: (r) => r.node, exact: true, values: (r) => [r.node] },
    { name: "model", help: "model contains", text: (r) => r.raw.model, values: (r) => [r.raw.model] },
    { name: "serial", help: "serial number contains", text: (r) => r.raw.serial },
    {
      name: "type",
      help: "nvme, ssd, hdd",
      text: (r) => r.raw.type,
      exact: true,
      values: (r) => [r.raw.type],
    },
    {
      name: "health",
      aliases: ["status", "is"],
      help: "passed, failed, unknown, standby",
      exact: true,
      words: ["passed", "failed", "unknown", "standby", "warning", "critical", "problem"],
      text: (r) => [
        r.health,
        r.level,
        ...(r.level === "warning" || r.level === "critical" ? ["problem"] : []),
      ],
      values: (r) => [r.health],
    },
    { name: "used", help: "used for ZFS, LVM …", text: (r) => r.raw.used, values: (r) => [r.raw.used] },
    { name: "life", help: "percent of its life that is left", number: (r) => r.life, unit: "percent" },
    { name: "temp", help: "°C", number: (r) => r.temperature, unit: "count" },
    { name: "size", help: "its size", number: (r) => r.raw.size, unit: "bytes" },
  ],
  examples: [
    ["life<20", "percent of its life that is left"],
    ["temp>50 type:nvme", "warm NVMe disks"],
    ["is:failed", "fails its SMART check"],
  ],
});

const type = (value: string, label: string, apart = false): Facet<DiskRow> => ({
  param: "type",
  value,
  label,
  test: (r) => r.raw.type.toLowerCase() === value,
  quiet: true,
  apart,
});
const FACETS: readonly Facet<DiskRow>[] = [
  {
    param: "problems",
    value: "1",
    label: "Problems",
    level: "warning",
    test: (r) => r.level === "warning" || r.level === "critical",
  },
  type("nvme", "NVMe", true),
  type("ssd", "SSD"),
  type("hdd", "HDD"),
  {
    param: "st",
    value: "unknown",
    label: "No SMART state",
    level: "unknown",
    test: (r) => r.health === "unknown",
    quiet: true,
    apart: true,
  },
];

function Details(props: {
  rows: () => readonly DiskRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="disk" onClose={props.onClose}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name}
          badge={r().raw.type || "disk"}
          what="disk"
          onClose={props.onClose}
          onMove={props.onMove}
          meta={
            <>
              <span>{r().node}</span>
              <i>·</i>
              <span>{r().raw.model}</span>
              <i>·</i>
              <span>{r().why.toLowerCase()}</span>
            </>
          }
        >
          <Show when={r().level === "warning" || r().level === "critical"}>
            <div class="mt-3">
              <Note level={r().level}>
                <b class="font-semibold">{r().why}</b>
                <div class="text-xs">
                  {r().health === "failed"
                    ? "The disk itself expects to fail. Replace it, and check the pool or RAID that it belongs to."
                    : "Plan its replacement before it fails."}
                </div>
              </Note>
            </div>
          </Show>
          <div class="dsec two">
            <section>
              <h3>
                Health
                <Source name="Proxmox API, SMART" at={r().raw.lastSeen} />
              </h3>
              <dl class="facts">
                <Fact name="SMART">
                  {HEALTH[r().health]}
                  {r().raw.health && r().health !== "standby" ? ` (${r().raw.health})` : ""}
                </Fact>
                <Fact name="Life left">
                  <Show when={r().life !== null} fallback={<span class="muted">{UNKNOWN}</span>}>
                    <Meter value={r().life} over={r().lifeOver} />
                  </Show>
                </Fact>
                <Fact name="Temp">
                  <Degrees value={r().temperature} over={r().temperatureOver} />
                </Fact>
              </dl>
            </section>
            <section>
              <h3>
                Disk
                <Source name="Proxmox API" at={r().raw.lastSeen} />
              </h3>
              <dl class="facts">
                <Fact name="Model">
                  {[r().raw.vendor, r().raw.model].filter(Boolean).join(" ") || UNKNOWN}
                </Fact>
                <Fact name="Serial">
                  <Show when={r().raw.serial} fallback={UNKNOWN}>
                    {(serial) => <Copyable text={serial()} label="the serial number" />}
                  </Show>
                </Fact>
                <Fact name="WWN">
                  <Show when={r().raw.wwn} fallback={UNKNOWN}>
                    {(wwn) => <Copyable text={wwn()} label="the WWN" />}
                  </Show>
                </Fact>
                <Fact name="Size">{r().raw.size > 0 ? bytes(r().raw.size).join(" ") : UNKNOWN}</Fact>
                <Fact name="Turns">{r().raw.rpm > 0 ? `${r().raw.rpm} rpm` : "does not turn"}</Fact>
                <Fact name="Used for">{r().raw.used || "not used"}</Fact>
                <Fact name="Pulse id">
                  <Copyable text={r().id} label="the id" />
                </Fact>
              </dl>
            </section>
          </div>
        </Drawer>
      )}
    </Opened>
  );
}

export function Disks() {
  const rows = createRows(() => live.list("physicalDisks"), makeDisk);
  const list = createList<DiskRow>({
    key: "disks",
    kind: "disk",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(NAME, COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) =>
      a.node.localeCompare(b.node, undefined, { numeric: true }) || (a.sortName < b.sortName ? -1 : 1),
    groupings: [
      {
        value: "node",
        label: "Node",
        keys: (r) => [`${r.node}\u0000${r.raw.instance}`],
        title: (key) => key.split("\u0000")[0] ?? "",
        meta: (all) =>
          `${plural(all.length, "disk")} · ${bytes(all.reduce((sum, r) => sum + r.raw.size, 0)).join(" ")} raw`,
      },
      {
        value: "model",
        label: "Model",
        keys: (r) => [r.raw.model],
        title: (key) => key || "model not reported",
        meta: (all) => plural(all.length, "disk"),
      },
    ],
    defaultGroup: "node",
  });
  const concerns = createMemo(() =>
    rowConcerns(rows(), "disk", (row) => ({ title: `${row.name} in ${row.node}` }), list.openRow),
  );
  return (
    <ListPage
      list={list}
      title="Physical disks"
      name={NAME}
      columns={COLUMNS}
      example="life<20"
      muted={(row) => row.level === "unknown"}
      tools={() => <StorageTabs />}
      before={() => (
        <>
          <Strip
            concerns={concerns()}
            unknown={unknownOf(rows())}
            calm={`${plural(rows().length, "disk")}: none fails, runs hot or wears out.`}
          />
          <GapNote capability={/disk|smart/i} />
        </>
      )}
      empty={() => (
        <Empty title="No physical disk is reported" capability={/disk|smart/i}>
          Three things are needed: physical disks are switched on for the connection (Settings, Proxmox); the
          account holds <span class="mono">Sys.Audit</span>; and the nodes have disks of their own rather than
          those of a hypervisor.
        </Empty>
      )}
      foot={() => (
        <span>
          {list.filtered()
            ? `${list.shown().length} of ${plural(rows().length, "disk")}`
            : plural(rows().length, "disk")}
        </span>
      )}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc mono">{row().name}</b>
            <small class="trunc">
              {row().node}, {row().raw.model}
            </small>
            <small class="r">{bytes(row().raw.size).join(" ")}</small>
          </div>
          <div class="h">
            <small class="trunc" data-tone={row().health === "failed" ? "critical" : undefined}>
              SMART {HEALTH[row().health]}
            </small>
            <small data-tone={row().lifeOver || undefined}>
              {row().life === null ? "" : `${percent(row().life ?? 0)} % life`}
            </small>
            <small class="r">
              <Degrees value={row().temperature} over={row().temperatureOver} />
            </small>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <Details rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}
