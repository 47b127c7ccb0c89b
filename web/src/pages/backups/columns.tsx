import { Show } from "solid-js";
import { Icon } from "@/components/Icon";
import type { Column, NameColumn } from "@/components/list/columns";
import { Age, Bytes } from "@/components/Values";
import { absolute, day, naturalKey, UNKNOWN } from "@/format/format";
import { SOURCE_WORD, type BackupRow, type CoverageRow } from "./rows";

const KIND_WORD: Record<string, string> = { vm: "VM", ct: "CT", host: "Host" };

/** Where a backup is, in one word or two. */
const place = (row: BackupRow | undefined) => [row?.instance, row?.store].filter(Boolean).join(" / ");

export const BACKUP_NAME: NameColumn<BackupRow> = {
  label: "Guest",
  sort: (r) => (r.name || r.attribution !== "guest" ? naturalKey(r.name || r.backupId) : null),
  cell: (r) => (
    <>
      <span class="nm">{r().name || (r().kind === "host" ? r().backupId : "")}</span>
      <Show when={r().attribution !== "guest"}>
        <span class="muted" classList={{ "ml-2": Boolean(r().name) }}>
          {r().attribution === "ambiguous"
            ? "which guest is not known"
            : r().kind === "host"
              ? ""
              : "no such guest"}
        </span>
      </Show>
    </>
  ),
};

export const BACKUP_COLUMNS: readonly Column<BackupRow>[] = [
  {
    key: "id",
    label: "ID",
    width: 84,
    priority: 1,
    sort: (r) => r.vmid || null,
    ascending: true,
    cell: (r) => (
      <>
        <span class="ty">{KIND_WORD[r().kind] === "Host" ? "" : KIND_WORD[r().kind]}</span>
        <span class="muted">{r().kind === "host" ? "host" : r().backupId}</span>
      </>
    ),
  },
  {
    key: "time",
    label: "Time",
    width: 150,
    priority: 1,
    sort: (r) => r.time,
    tip: (r) => absolute(new Date(r.time)),
    cell: (r) => <>{absolute(new Date(r().time)).slice(0, 16)}</>,
  },
  {
    key: "age",
    label: "Age",
    width: 72,
    priority: 3,
    num: true,
    sort: (r) => -r.time,
    cell: (r) => (
      <span class="muted">
        <Age at={r().time} bare />
      </span>
    ),
  },
  {
    key: "source",
    label: "Source",
    width: 88,
    priority: 2,
    sort: (r) => r.source,
    ascending: true,
    cell: (r) => (
      <span class="bk-src">
        <i data-source={r().source} />
        {SOURCE_WORD[r().source]}
      </span>
    ),
  },
  {
    key: "where",
    label: "Where",
    width: 210,
    narrow: 140,
    priority: 2,
    sort: (r) => `${r.instance}/${r.store}/${r.namespace}`,
    ascending: true,
    tip: (r) => [r.instance, r.store, r.namespace].filter(Boolean).join(" / "),
    cell: (r) => (
      <span class="muted">
        {r().instance}
        <Show when={r().store}> / {r().store}</Show>
        <Show when={r().namespace}> / {r().namespace}</Show>
      </span>
    ),
  },
  {
    key: "size",
    label: "Size",
    width: 90,
    priority: 2,
    num: true,
    sort: (r) => r.size,
    cell: (r) => (
      <Show
        when={r().size !== null}
        fallback={
          <span
            class="muted"
            title={r().source === "snapshot" ? "The storage does not tell" : "Not finished"}
          >
            {UNKNOWN}
          </span>
        }
      >
        <Bytes value={r().size} />
      </Show>
    ),
  },
  {
    key: "verified",
    label: "Verified",
    width: 104,
    priority: 2,
    sort: (r) => (r.verified === "failed" ? 0 : r.verified === "none" ? 1 : r.verified === "ok" ? 2 : null),
    ascending: true,
    tip: (r) => r.why,
    cell: (r) => (
      <Show when={r().verified} fallback={<span class="muted">{UNKNOWN}</span>}>
        <span class="bk-ver" data-tone={r().verified === "failed" ? "critical" : undefined}>
          <Show when={r().verified !== "failed"} fallback="failed">
            <span class="muted row" style={{ gap: "5px" }}>
              <Icon name={r().verified === "ok" ? "check" : "clock"} small />
              {r().verified === "ok" ? "yes" : "not yet"}
            </span>
          </Show>
        </span>
      </Show>
    ),
  },
  {
    key: "flags",
    label: "Flags",
    width: 60,
    priority: 3,
    sort: (r) => (r.protected ? 2 : 0) + (r.encrypted ? 1 : 0) || null,
    cell: (r) => (
      <span class="row muted" style={{ gap: "6px" }}>
        <Show when={r().protected}>
          <span title="Protected: not pruned">
            <Icon name="shield" small />
            <span class="sr">protected</span>
          </span>
        </Show>
        <Show when={r().encrypted}>
          <span title="Encrypted">
            <Icon name="lock" small />
            <span class="sr">encrypted</span>
          </span>
        </Show>
      </span>
    ),
  },
  {
    key: "node",
    label: "Node",
    width: 90,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.node || null,
    ascending: true,
    cell: (r) => <span class="muted">{r().node || UNKNOWN}</span>,
  },
  {
    key: "owner",
    label: "Owner",
    width: 150,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.owner || null,
    ascending: true,
    tip: (r) => r.owner || undefined,
    cell: (r) => <span class="mono muted">{r().owner || UNKNOWN}</span>,
  },
  {
    key: "comment",
    label: "Comment",
    width: 190,
    priority: 4,
    sort: (r) => r.comment || null,
    ascending: true,
    tip: (r) => r.comment || undefined,
    cell: (r) => <span class="muted">{r().comment || ""}</span>,
  },
];

const LETTER: Record<string, string> = { v: "verified", b: "backup", f: "damaged", "-": "none" };

/** The last days as marks; one picture, read out as a sum. */
function Days(props: { days: string }) {
  const count = (letter: string) => [...props.days].filter((d) => d === letter).length;
  return (
    <span
      class="bk-days"
      role="img"
      aria-label={`${props.days.length} days: ${["v", "b", "f", "-"].map((l) => `${count(l)} ${LETTER[l]}`).join(", ")}`}
    >
      {[...props.days].map((d) => (
        <i data-day={d} />
      ))}
    </span>
  );
}

export const COVERAGE_NAME: NameColumn<CoverageRow> = {
  label: "Guest",
  sort: (r) => r.sortName,
  cell: (r) => <span class="nm">{r().name}</span>,
};

export const COVERAGE_COLUMNS: readonly Column<CoverageRow>[] = [
  {
    key: "id",
    label: "ID",
    width: 84,
    priority: 1,
    sort: (r) => r.raw.vmid,
    ascending: true,
    cell: (r) => (
      <>
        <span class="ty">{r().raw.type === "qemu" ? "VM" : "CT"}</span>
        <span class="muted">{r().raw.vmid}</span>
      </>
    ),
  },
  {
    key: "good",
    label: "Last good",
    width: 146,
    priority: 1,
    sort: (r) => r.raw.lastGood ?? -1,
    tip: (r) => r.why,
    cell: (r) => (
      <Show
        when={r().raw.lastGood}
        fallback={
          <span
            data-tone={r().level === "critical" ? "critical" : undefined}
            classList={{ muted: r().level !== "critical" }}
          >
            {r().state === "damaged"
              ? "none that restores"
              : r().level === "critical"
                ? "no backup at all"
                : "none"}
          </span>
        }
      >
        {(at) => (
          <span class="bk-good" data-tone={r().state === "late" ? "warning" : undefined}>
            <Age at={at()} bare />
            <Show when={r().raw.verified}>
              <span class="muted" title="Verified">
                <Icon name="check" small />
                <span class="sr">verified</span>
              </span>
            </Show>
            <Show when={!r().raw.verified && r().more?.newest?.verified === "none"}>
              <span class="muted" title="Not verified yet">
                <Icon name="clock" small />
                <span class="sr">not verified</span>
              </span>
            </Show>
          </span>
        )}
      </Show>
    ),
  },
  {
    key: "job",
    label: "Job",
    width: 190,
    narrow: 120,
    priority: 1,
    sort: (r) => r.jobs[0]?.id ?? null,
    ascending: true,
    tip: (r) => r.jobs.map((j) => `${j.comment || j.id}: ${j.schedule} to ${j.storage}`).join("\n") || r.why,
    cell: (r) => (
      <Show
        when={r().jobs[0]}
        fallback={
          <span
            data-tone={
              r().state === "uncovered" ? (r().level === "critical" ? "critical" : "warning") : undefined
            }
            classList={{ muted: r().state === "excluded" || r().state === "unknown" }}
          >
            {r().state === "excluded" ? "template" : r().state === "unknown" ? "not known" : "in no job"}
          </span>
        }
      >
        {(job) => (
          <span class="muted">
            {job().comment || job().id}
            <Show when={r().jobs.length > 1}> +{r().jobs.length - 1}</Show>
          </span>
        )}
      </Show>
    ),
  },
  {
    key: "days",
    label: "Last 30 days",
    width: 286,
    priority: 3,
    cell: (r) => (
      <Show when={r().more?.days} fallback={<span class="muted">{UNKNOWN}</span>}>
        {(days) => <Days days={days()} />}
      </Show>
    ),
  },
  {
    key: "store",
    label: "Where",
    width: 130,
    priority: 4,
    sort: (r) => r.more?.newest?.store ?? null,
    ascending: true,
    cell: (r) => <span class="muted">{place(r().more?.newest) || UNKNOWN}</span>,
  },
  {
    key: "size",
    label: "Newest size",
    width: 104,
    priority: 2,
    num: true,
    sort: (r) => r.more?.newest?.size ?? null,
    cell: (r) => <Bytes value={r().more?.newest?.size ?? null} />,
  },
  {
    key: "backups",
    label: "Backups",
    width: 76,
    priority: 3,
    num: true,
    sort: (r) => r.raw.count,
    cell: (r) => <span class="muted">{r().raw.count}</span>,
  },
  {
    key: "snapshot",
    label: "Oldest snapshot",
    width: 116,
    priority: 2,
    num: true,
    sort: (r) => (r.more?.oldestSnapshot ? -r.more.oldestSnapshot : null),
    tip: (r) => (r.more?.snapshots ? `${r.more.snapshots} on the node, not a backup` : "No snapshots"),
    cell: (r) => (
      <Show when={r().more?.oldestSnapshot} fallback={<span class="muted">{UNKNOWN}</span>}>
        {(at) => (
          <span class="muted">
            <Age at={at()} bare />
          </span>
        )}
      </Show>
    ),
  },
  {
    key: "next",
    label: "Next",
    width: 124,
    priority: 3,
    num: true,
    sort: (r) => r.nextRun,
    ascending: true,
    tip: (r) => (r.nextRun ? absolute(new Date(r.nextRun)) : undefined),
    cell: (r) => (
      <span class="muted">
        <Show when={r().nextRun} fallback={UNKNOWN}>
          {(at) => `${day(new Date(at()))} ${absolute(new Date(at())).slice(11, 16)}`}
        </Show>
      </span>
    ),
  },
];
