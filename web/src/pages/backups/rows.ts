/** Backups and covered guests as rows. Pure. */
import type {
  BackupJob,
  BackupSource,
  BackupTable,
  CoveredGuest,
  Day,
  GuestSnapshot,
  TableGroup,
} from "@/api/backups";
import { naturalKey } from "@/format/format";
import type { Level } from "@/model/level";

/** Bits of `flags` in the table. */
const FLAG = { verified: 1, damaged: 2, protected: 4, encrypted: 8, incomplete: 16 } as const;

export interface BackupRow {
  id: string;
  level: Level;
  why: string;
  source: BackupSource;
  kind: string;
  backupId: string;
  vmid: number;
  name: string;
  instance: string;
  /** The instance whose guest it is. */
  guestInstance: string;
  node: string;
  store: string;
  namespace: string;
  owner: string;
  volume: string;
  comment: string;
  /** Unix ms. */
  time: number;
  size: number | null;
  verified: string;
  protected: boolean;
  encrypted: boolean;
  attribution: string;
  reason: string;
  /** Local day, `2026-11-24`. */
  day: string;
  haystack: string;
}

export const SOURCE_WORD: Record<BackupSource, string> = {
  pve: "Storage",
  pbs: "PBS",
  pmg: "Mail",
  snapshot: "Snapshot",
};

const two = (n: number) => String(n).padStart(2, "0");
export const dayOf = (at: Date) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

/** Formatting a date for each of 50,000 rows is what costs; most share their hour. */
function makeDays() {
  const known = new Map<number, string>();
  return (ms: number): string => {
    // Quarters of an hour: no zone is offset by less.
    const quarter = Math.floor(ms / 900_000);
    let text = known.get(quarter);
    if (text === undefined) {
      text = dayOf(new Date(ms));
      known.set(quarter, text);
    }
    return text;
  };
}

function judge(verified: string, attribution: string, reason: string, unfinished: boolean): [Level, string] {
  if (verified === "failed") return ["critical", "Verification failed: it may not restore"];
  if (unfinished) return ["notice", "Being written, or never finished"];
  if (attribution === "ambiguous") return ["unknown", reason || "Several guests have this number"];
  if (attribution === "none") return ["unknown", reason || "Of no guest that is known"];
  if (verified === "none") return ["ok", "Not verified"];
  return ["ok", verified === "ok" ? "Verified" : "Can not be verified here"];
}

/** The guest of a backup: its name and where it runs now. */
export type GuestOf = (instance: string, vmid: number) => { name: string; node: string } | undefined;

function attributionOf(group: TableGroup): "guest" | "ambiguous" | "none" {
  if (group.guestInstance) return "guest";
  return group.candidates?.length ? "ambiguous" : "none";
}

function reasonOf(group: TableGroup, guest: { name: string } | undefined): string {
  switch (attributionOf(group)) {
    case "guest":
      if (!guest)
        return `Was of ${group.kind.toUpperCase()} ${group.id} in ${group.guestInstance}, which is gone`;
      return group.evidence || `Made by ${group.guestInstance} itself`;
    case "ambiguous":
      return `${group.id} exists in ${group.candidates?.join(" and ")}, and nothing tells which is meant`;
    default:
      return group.kind === "host"
        ? "Of a host, not of a guest"
        : `No guest with the number ${group.id} is known`;
  }
}

/** What all rows of a group share. */
function shared(group: TableGroup, guestOf: GuestOf) {
  const vmid = group.kind === "host" ? 0 : Number(group.id) || 0;
  const guest = group.guestInstance ? guestOf(group.guestInstance, vmid) : undefined;
  return {
    source: group.source as BackupSource,
    onPbs: group.source === "pbs" || (group.format ?? "").startsWith("pbs"),
    kind: group.kind,
    backupId: group.id,
    vmid,
    name: guest?.name ?? "",
    instance: group.instance,
    guestInstance: group.guestInstance ?? "",
    node: guest?.node ?? group.node ?? "",
    store: group.store,
    namespace: group.namespace ?? "",
    owner: group.owner ?? "",
    attribution: attributionOf(group),
    reason: reasonOf(group, guest),
    place: `${group.source}/${group.instance}/${group.store}/${group.namespace ?? ""}/${group.kind}/${group.id}`,
  };
}

/** Only what lies on a backup server can be verified, also when Proxmox VE lists it. */
function verification(flags: number, onPbs: boolean): string {
  if (flags & FLAG.damaged) return "failed";
  if (flags & FLAG.verified) return "ok";
  return onPbs ? "none" : "";
}

export function makeRows(table: BackupTable, guestOf: GuestOf): BackupRow[] {
  const groups = table.groups.map((group) => shared(group, guestOf));
  const day = makeDays();
  const rows: BackupRow[] = [];
  let seconds = table.newest;
  for (let i = 0; i < table.count; i += 1) {
    const g = groups[table.rows.group[i] ?? -1];
    seconds -= table.rows.older[i] ?? 0;
    if (!g) continue;
    const flags = table.rows.flags[i] ?? 0;
    const verified = verification(flags, g.onPbs);
    const unfinished = (flags & FLAG.incomplete) !== 0;
    const size = table.rows.size[i] ?? -1;
    const foreign = g.kind === "host" ? "guest" : g.attribution;
    const [level, why] = judge(verified, foreign, g.reason, unfinished);
    rows.push({
      id: `${g.place}/${seconds}`,
      level,
      why,
      source: g.source,
      kind: g.kind,
      backupId: g.backupId,
      vmid: g.vmid,
      name: g.name,
      instance: g.instance,
      guestInstance: g.guestInstance,
      node: g.node,
      store: g.store,
      namespace: g.namespace,
      owner: g.owner,
      volume: "",
      comment: table.comments[table.rows.comment[i] ?? 0] ?? "",
      time: seconds * 1000,
      size: size < 0 ? null : size,
      verified,
      protected: (flags & FLAG.protected) !== 0,
      encrypted: (flags & FLAG.encrypted) !== 0,
      attribution: g.attribution,
      reason: g.reason,
      day: day(seconds * 1000),
      haystack: "",
    });
  }
  return rows;
}

/** Snapshots on the nodes as rows of the same list. */
export function snapshotRows(list: readonly GuestSnapshot[], guestOf: GuestOf): BackupRow[] {
  const day = makeDays();
  return list.map((s): BackupRow => {
    const guest = guestOf(s.instance, s.vmid);
    const time = Date.parse(s.time) || 0;
    return {
      id: `snapshot/${s.id}`,
      level: "ok",
      why: "A snapshot on the node, not a backup",
      source: "snapshot",
      kind: s.type === "qemu" ? "vm" : "ct",
      backupId: String(s.vmid),
      vmid: s.vmid,
      name: guest?.name ?? "",
      instance: s.instance,
      guestInstance: s.instance,
      node: s.node,
      store: "",
      namespace: "",
      owner: "",
      volume: s.name,
      comment: s.description ?? "",
      time,
      size: s.sizeBytes ?? null,
      verified: "",
      protected: false,
      encrypted: false,
      attribution: "guest",
      reason: `Of ${s.instance} itself`,
      day: day(time),
      haystack: "",
    };
  });
}

/** Two lists that are newest first, as one. */
export function mergeNewest(a: readonly BackupRow[], b: readonly BackupRow[]): BackupRow[] {
  return b.length === 0 ? [...a] : [...a, ...b].sort((x, y) => y.time - x.time);
}

/** Text that plain words are looked for in; made when somebody looks, then kept. */
export function haystack(row: BackupRow): string {
  if (row.haystack === "")
    row.haystack =
      `${row.backupId} ${row.name} ${row.node} ${row.store} ${row.namespace} ${row.volume} ${row.comment} ${row.owner} ${row.instance}`.toLowerCase();
  return row.haystack;
}

export const guestKey = (row: BackupRow): string =>
  row.attribution === "guest"
    ? `${row.kind}\u0000${row.backupId}\u0000${row.name}\u0000${row.guestInstance}`
    : `${row.kind}\u0000${row.backupId}\u0000?\u0000${row.instance}`;

export const SOURCES: readonly BackupSource[] = ["pbs", "pve", "snapshot", "pmg"];

export const countOf = (day: Day, source: BackupSource): number =>
  source === "snapshot" ? day.snapshots : day[source];

/** The last days, today included, empty. */
export function emptyDays(count: number, now: number): Day[] {
  return Array.from({ length: count }, (_, i) => {
    const at = new Date(now);
    at.setHours(0, 0, 0, 0);
    at.setDate(at.getDate() - (count - 1 - i));
    return { start: at.getTime(), pve: 0, pbs: 0, pmg: 0, snapshots: 0, failed: 0 };
  });
}

/** Backups per day and source, oldest day first. */
export function perDay(rows: readonly BackupRow[], count: number, now: number): Day[] {
  const days = emptyDays(count, now);
  const byName = new Map(days.map((d) => [dayOf(new Date(d.start)), d]));
  for (const row of rows) {
    const day = byName.get(row.day);
    if (day) day[row.source === "snapshot" ? "snapshots" : row.source] += 1;
  }
  return days;
}

// --- coverage

export type CoverageState =
  "none" | "damaged" | "uncovered" | "late" | "unverified" | "unknown" | "ok" | "excluded";

/** What the list of all backups adds to a guest's coverage. */
export interface GuestBackups {
  newest: BackupRow | undefined;
  /** Oldest first, a letter a day: `v` verified, `b` not verified, `f` damaged, `-` none. */
  days: string;
  snapshots: number;
  /** Unix ms. */
  oldestSnapshot: number | null;
  ambiguous: number;
}

const STRIP = 30;

export function byGuest(rows: readonly BackupRow[], now: number): Map<string, GuestBackups> {
  const index = new Map(emptyDays(STRIP, now).map((d, i) => [dayOf(new Date(d.start)), i]));
  const marks = new Map<string, string[]>();
  const result = new Map<string, GuestBackups>();
  const ambiguous = new Map<number, number>();
  for (const row of rows) {
    if (row.attribution === "ambiguous") ambiguous.set(row.vmid, (ambiguous.get(row.vmid) ?? 0) + 1);
    if (row.attribution !== "guest") continue;
    const key = `${row.guestInstance}/${row.vmid}`;
    let known = result.get(key);
    if (!known) {
      known = { newest: undefined, days: "", snapshots: 0, oldestSnapshot: null, ambiguous: 0 };
      result.set(key, known);
      marks.set(
        key,
        Array.from({ length: STRIP }, () => "-"),
      );
    }
    if (row.source === "snapshot") {
      known.snapshots += 1;
      known.oldestSnapshot = Math.min(known.oldestSnapshot ?? row.time, row.time);
      continue;
    }
    known.newest ??= row.size === null ? undefined : row;
    const at = index.get(row.day);
    const list = marks.get(key);
    if (at === undefined || !list) continue;
    const mark = row.verified === "failed" ? "f" : row.verified === "ok" ? "v" : "b";
    // The best of a day counts: a good backup beside a damaged one can be restored.
    if (list[at] === "-" || mark === "v" || (mark === "b" && list[at] === "f")) list[at] = mark;
  }
  for (const [key, known] of result) {
    known.days = marks.get(key)?.join("") ?? "";
    known.ambiguous = ambiguous.get(Number(key.slice(key.lastIndexOf("/") + 1))) ?? 0;
  }
  return result;
}

export interface CoverageRow {
  id: string;
  level: Level;
  why: string;
  state: CoverageState;
  raw: CoveredGuest;
  name: string;
  sortName: string;
  jobs: BackupJob[];
  nextRun: number | null;
  /** Undefined until the list of all backups is there. */
  more: GuestBackups | undefined;
  haystack: string;
}

const STATE_LEVEL: Record<CoverageState, Level> = {
  none: "critical",
  damaged: "critical",
  uncovered: "warning",
  late: "warning",
  unverified: "ok",
  unknown: "unknown",
  ok: "ok",
  excluded: "off",
};
export const STATE_WORD: Record<CoverageState, string> = {
  none: "No backup at all",
  damaged: "Nothing that restores",
  uncovered: "In no job",
  late: "Late",
  unverified: "Protected, not verified",
  unknown: "Jobs not known",
  ok: "Protected and verified",
  excluded: "Templates",
};

const HOUR = 3_600_000;
const WEEKDAYS = /\b(mon|tue|wed|thu|fri|sat|sun)\b/gi;

/** The longest pause between two runs of a calendar event, in ms; at least a day. Rough, and on the patient side. */
export function pauseOf(schedule: string): number {
  if (/monthly|\*-\*-\d|\*-\d+(?:\s|$)/.test(schedule)) return 31 * 24 * HOUR;
  if (/weekly/.test(schedule)) return 7 * 24 * HOUR;
  const days = schedule.match(WEEKDAYS)?.length ?? 0;
  if (days === 0) return 24 * HOUR;
  if (/\.\./.test(schedule)) return 3 * 24 * HOUR;
  return Math.ceil(7 / days) * 24 * HOUR;
}

function coverageState(guest: CoveredGuest, jobs: readonly BackupJob[], now: number): CoverageState {
  if (guest.template) return "excluded";
  if (guest.reason === "no job") return "uncovered";
  if (!guest.lastGood) return guest.damaged || guest.incomplete ? "damaged" : "none";
  if (guest.reason === "jobs not known") return "unknown";
  if (guest.jobs.length === 0) return "uncovered";
  const pause = Math.min(...jobs.map((job) => pauseOf(job.schedule)));
  if (Number.isFinite(pause) && now - guest.lastGood > pause + 24 * HOUR) return "late";
  return guest.verified ? "ok" : "unverified";
}

function coverageWhy(state: CoverageState, guest: CoveredGuest): string {
  switch (state) {
    case "excluded":
      return "A template: nothing in it changes";
    case "none":
      return "A job selects it, but there is no backup";
    case "damaged":
      return guest.damaged ? "All its backups failed verification" : "None of its backups was finished";
    case "unknown":
      return "Backup jobs of this cluster could not be read: grant Sys.Audit on / to see them";
    case "uncovered":
      return guest.lastGood
        ? "No job selects it; its backups grow old"
        : "No job selects it, and there is no backup";
    case "late":
      return "Its last good backup is older than its job allows";
    case "unverified":
      return "Fresh; the last good backup is not verified";
    default:
      return "Fresh and verified";
  }
}

export function makeCoverage(
  guest: CoveredGuest,
  jobs: ReadonlyMap<string, BackupJob>,
  more: GuestBackups | undefined,
  now: number,
): CoverageRow {
  const name = guest.name || `${guest.type === "qemu" ? "VM" : "CT"} ${guest.vmid}`;
  const own = guest.jobs.map((id) => jobs.get(`${guest.instance}/${id}`)).filter((j) => j !== undefined);
  const state = coverageState(guest, own, now);
  const next = own.flatMap((j) => (j.nextRun ? [j.nextRun] : []));
  return {
    id: guest.id,
    level: state === "uncovered" && !guest.lastGood ? "critical" : STATE_LEVEL[state],
    why: coverageWhy(state, guest),
    state,
    raw: guest,
    name,
    sortName: naturalKey(name),
    jobs: own,
    nextRun: next.length > 0 ? Math.min(...next) : null,
    more,
    haystack: `${name} ${guest.vmid} ${guest.node} ${guest.instance} ${guest.jobs.join(" ")}`.toLowerCase(),
  };
}

/** In which order guests want to be looked at: those that nobody takes care of first. */
export const COVERAGE_ORDER: Record<CoverageState, number> = {
  uncovered: 0,
  none: 1,
  damaged: 2,
  late: 3,
  unknown: 4,
  unverified: 5,
  ok: 6,
  excluded: 7,
};
