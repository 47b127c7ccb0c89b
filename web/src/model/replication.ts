/** A replication job as the list shows it. Pure. */
import type { ReplicationResource } from "@/api/proxmox";
import { duration, naturalKey } from "@/format/format";
import type { Context, Level } from "./level";

export interface JobRow {
  raw: ReplicationResource;
  id: string;
  name: string;
  sortName: string;
  level: Level;
  why: string;
  lastSync: number | null;
  nextSync: number | null;
  /** Milliseconds that a run is overdue. */
  overdue: number;
  syncing: boolean;
  /** Seconds of the last run. */
  took: number | null;
  failures: number;
  haystack: string;
}

/** A run that starts later than this after its time is overdue: Proxmox looks for due jobs every minute. */
const PATIENCE = 5 * 60_000;

export function makeJob(raw: ReplicationResource, ctx: Context): JobRow {
  const nextSync = raw.nextSyncTime ?? null;
  const syncing = raw.lastSyncStatus === "syncing" || raw.state === "syncing";
  const overdue =
    raw.enabled && !syncing && nextSync !== null && ctx.at - nextSync > PATIENCE ? ctx.at - nextSync : 0;
  const failures = raw.failCount ?? 0;
  const failed = failures > 0 || Boolean(raw.error) || raw.lastSyncStatus === "error";
  let level: Level = "ok";
  let why = "Last run succeeded";
  if (!raw.enabled) {
    level = "off";
    why = "Switched off";
  } else if (raw.stale) {
    level = "unknown";
    why = "No fresh report";
  } else if (failed) {
    level = failures >= 3 ? "critical" : "warning";
    why = `Failed${failures > 1 ? ` ${failures} times in a row` : ""}`;
  } else if (overdue > 0) {
    level = "warning";
    why = `Overdue by ${duration(overdue / 1000)}`;
  } else if (syncing) why = "Running";
  else if (raw.lastSyncTime === undefined) {
    level = "notice";
    why = "Has not run yet";
  }
  return {
    raw,
    id: raw.id,
    name: raw.guestName || `guest ${raw.guestId ?? raw.jobId}`,
    sortName: naturalKey(raw.guestName ?? raw.jobId),
    level,
    why,
    lastSync: raw.lastSyncTime ?? null,
    nextSync,
    overdue,
    syncing,
    took: raw.durationHuman ? (raw.durationSeconds ?? 0) : (raw.durationSeconds ?? null),
    failures,
    haystack: [
      raw.guestName,
      raw.guestId,
      raw.jobId,
      raw.sourceNode,
      raw.targetNode,
      raw.instance,
      raw.schedule,
      raw.comment,
      raw.error,
    ]
      .filter(Boolean)
      .join("\n")
      .toLowerCase(),
  };
}
