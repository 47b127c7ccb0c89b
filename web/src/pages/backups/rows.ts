/** Backups and covered guests as rows. Pure. */
import type {
  BackupSource,
  BackupTable,
  CoverageGuest,
  CoverageJob,
  CoverageState,
  Frequency,
} from "@/api/backups";
import { reader } from "@/api/columns";
import { naturalKey } from "@/format/format";
import type { Level } from "@/model/level";

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

export function makeRows(table: BackupTable): BackupRow[] {
  const c = table.columns;
  const source = reader(c.source, "pve");
  const kind = reader(c.kind, "vm");
  const backupId = reader(c.backupId, "");
  const name = reader(c.name, "");
  const instance = reader(c.instance, "");
  const node = reader(c.node, "");
  const store = reader(c.store, "");
  const namespace = reader(c.namespace, "");
  const owner = reader(c.owner, "");
  const volume = reader(c.volume, "");
  const comment = reader(c.comment, "");
  const time = reader(c.time, 0);
  const size = reader<number | null>(c.size, null);
  const verified = reader(c.verified, "");
  const safe = reader(c.protected, 0);
  const encrypted = reader(c.encrypted, 0);
  const attribution = reader(c.attribution, "guest");
  const reason = reader(c.reason, "");
  const day = makeDays();
  const rows: BackupRow[] = Array.from({ length: table.count });
  for (let i = 0; i < table.count; i += 1) {
    const from = source(i);
    const of = from === "pmg" ? "guest" : attribution(i);
    const [level, why] = judge(verified(i), of, reason(i), from === "pbs" && size(i) === null);
    const at = time(i) * 1000;
    const id = backupId(i);
    rows[i] = {
      id: `${from}/${instance(i)}/${store(i)}/${namespace(i)}/${kind(i)}/${id}/${time(i)}/${from === "snapshot" || from === "pve" ? volume(i) : ""}`,
      level,
      why,
      source: from,
      kind: kind(i),
      backupId: id,
      vmid: kind(i) === "host" ? 0 : Number(id) || 0,
      name: name(i),
      instance: instance(i),
      node: node(i),
      store: store(i),
      namespace: namespace(i),
      owner: owner(i),
      volume: volume(i),
      comment: comment(i),
      time: at,
      size: size(i),
      verified: verified(i),
      protected: safe(i) === 1,
      encrypted: encrypted(i) === 1,
      attribution: of,
      reason: reason(i),
      day: day(at),
      haystack: "",
    };
  }
  return rows;
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
    ? `${row.kind}\u0000${row.backupId}\u0000${row.name || row.instance}`
    : `${row.kind}\u0000${row.backupId}\u0000?${row.instance}`;

export const SOURCES: readonly BackupSource[] = ["pbs", "pve", "snapshot", "pmg"];

/** Backups per day and source, oldest day first. */
export function perDay(rows: readonly BackupRow[], days: number, now: number): Frequency {
  const names: string[] = [];
  for (let i = days - 1; i >= 0; i -= 1) {
    const at = new Date(now);
    at.setHours(12, 0, 0, 0);
    at.setDate(at.getDate() - i);
    names.push(dayOf(at));
  }
  const index = new Map(names.map((name, i) => [name, i]));
  const zeros = () => names.map(() => 0);
  const result: Frequency = { days: names, pve: zeros(), pbs: zeros(), snapshot: zeros(), pmg: zeros() };
  for (const row of rows) {
    const at = index.get(row.day);
    if (at !== undefined) result[row.source][at] = (result[row.source][at] ?? 0) + 1;
  }
  return result;
}

export interface CoverageRow {
  id: string;
  level: Level;
  why: string;
  raw: CoverageGuest;
  name: string;
  sortName: string;
  jobs: CoverageJob[];
  haystack: string;
}

const STATE_LEVEL: Record<CoverageState, Level> = {
  none: "critical",
  failed: "critical",
  uncovered: "warning",
  late: "warning",
  unverified: "notice",
  ok: "ok",
  excluded: "off",
};
export const STATE_WORD: Record<CoverageState, string> = {
  none: "No backup at all",
  failed: "Last one failed",
  uncovered: "In no job",
  late: "Late",
  unverified: "Not verified",
  ok: "Protected",
  excluded: "Excluded",
};

export function makeCoverage(guest: CoverageGuest, jobs: ReadonlyMap<string, CoverageJob>): CoverageRow {
  const name = guest.name || `${guest.type === "lxc" ? "CT" : "VM"} ${guest.vmid}`;
  return {
    id: guest.id,
    level: STATE_LEVEL[guest.state] ?? "unknown",
    why: guest.reason || STATE_WORD[guest.state] || "Not known",
    raw: guest,
    name,
    sortName: naturalKey(name),
    jobs: guest.jobs.map((id) => jobs.get(`${guest.instance}/${id}`)).filter((j) => j !== undefined),
    haystack: `${name} ${guest.vmid} ${guest.node} ${guest.instance} ${guest.store ?? ""}`.toLowerCase(),
  };
}
/** In which order guests want to be looked at: unprotected first. */
export const COVERAGE_ORDER: Record<CoverageState, number> = {
  none: 0,
  failed: 1,
  uncovered: 2,
  late: 3,
  unverified: 4,
  ok: 5,
  excluded: 6,
};
