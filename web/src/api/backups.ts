/** Backups of all sources: `/api/backups/table`, `/coverage`, `/frequency`, `/api/snapshots`, failed `/api/tasks`. */
import { request } from "./client";
import type { TaskResource } from "./proxmox";

export type BackupSource = "pve" | "pbs" | "pmg" | "snapshot";

/** What many backups have in common: those of one thing in one place. */
export interface TableGroup {
  source: "pve" | "pbs" | "pmg";
  instance: string;
  /** Storage or datastore. */
  store: string;
  namespace?: string;
  /** `vm`, `ct`, `host` or `unknown`. */
  kind: string;
  /** A VMID, or a host's name. */
  id: string;
  owner?: string;
  node?: string;
  format?: string;
  /** The instance whose guest it is; absent when no evidence tells. */
  guestInstance?: string;
  evidence?: string;
  /** The instances that could be meant where nothing tells which. */
  candidates?: string[];
}

/** Columns of equal length, newest backup first. */
export interface BackupTable {
  count: number;
  /** Unix seconds of the first row. */
  newest: number;
  groups: TableGroup[];
  /** 0 is none. */
  comments: string[];
  rows: {
    group: number[];
    /** Seconds by which a row is older than the one before. */
    older: number[];
    /** Bytes; −1 while it is being written. */
    size: number[];
    /** Sums of 1 verified, 2 verification failed, 4 protected, 8 encrypted, 16 not complete. */
    flags: number[];
    comment: number[];
  };
}

export interface GuestSnapshot {
  id: string;
  name: string;
  node: string;
  instance: string;
  type: string;
  vmid: number;
  time: string;
  description?: string;
  vmstate?: boolean;
  sizeBytes?: number;
}

export interface BackupJob {
  id: string;
  instance: string;
  enabled: boolean;
  schedule: string;
  storage: string;
  comment?: string;
  /** Unix ms. */
  nextRun?: number;
}

export interface CoveredGuest {
  id: string;
  instance: string;
  node: string;
  vmid: number;
  name: string;
  /** `qemu`, `lxc` or `oci`. */
  type: string;
  template?: boolean;
  /** Ids of the enabled jobs that back it up. */
  jobs: string[];
  /** Unix ms; whatever its state. */
  lastBackup?: number;
  /** Unix ms of the newest that is complete and not known to be damaged, and whether it was verified. */
  lastGood?: number;
  verified: boolean;
  lastVerified?: number;
  count: number;
  damaged?: number;
  incomplete?: number;
  /** What is wrong, see the server; absent when nothing is. */
  reason?: string;
}

export interface Coverage {
  guests: CoveredGuest[];
}

export interface Day {
  /** Unix ms of the reader's midnight. */
  start: number;
  pve: number;
  pbs: number;
  pmg: number;
  snapshots: number;
  failed: number;
}

export interface Frequency {
  days: Day[];
}

export const backupTable = (signal: AbortSignal) => request<BackupTable>("/api/backups/table", { signal });
export const coverage = (signal: AbortSignal) => request<Coverage>("/api/backups/coverage", { signal });
export const frequency = (days: number, signal: AbortSignal) =>
  request<Frequency>(`/api/backups/frequency?days=${days}&offset=${-new Date().getTimezoneOffset()}`, {
    signal,
  });
export const guestSnapshots = async (signal: AbortSignal): Promise<GuestSnapshot[]> => {
  const answer = await request<GuestSnapshot[] | { snapshots?: GuestSnapshot[] }>("/api/snapshots", {
    signal,
  });
  return Array.isArray(answer) ? answer : (answer.snapshots ?? []);
};
/** Backup, verify, sync and prune tasks that failed since a time in Unix ms. */
export const failedTasks = (since: number, signal: AbortSignal) =>
  request<{ tasks: TaskResource[]; total: number }>(
    `/api/tasks?outcome=failed&type=vzdump,backup,verificationjob,verify,syncjob,prunejob,garbage_collection&since=${since}&limit=50`,
    { signal },
  );
