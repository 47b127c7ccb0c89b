/** Backups of all sources: `/api/backups/table`, `/coverage`, `/frequency`. */
import { request } from "./client";
import type { Column } from "./columns";

export type BackupSource = "pve" | "pbs" | "pmg" | "snapshot";

/** Column by column, newest first. */
export interface BackupTable {
  /** Changes when any backup came, went or was verified. */
  revision: number;
  count: number;
  columns: {
    source: Column<BackupSource>;
    /** `vm`, `ct` or `host`. */
    kind: Column<string>;
    /** A VMID, or a host's name. */
    backupId: Column<string>;
    /** The guest's name, empty where none is known. */
    name?: Column<string>;
    instance: Column<string>;
    node?: Column<string>;
    /** Storage or datastore. */
    store?: Column<string>;
    namespace?: Column<string>;
    owner?: Column<string>;
    /** Volume id, snapshot's or file's name. */
    volume?: Column<string>;
    comment?: Column<string>;
    /** Unix seconds. */
    time: Column<number>;
    /** Bytes; null is not known. */
    size?: Column<number | null>;
    /** `ok`, `failed`, `none`; empty where it cannot be verified. */
    verified?: Column<string>;
    protected?: Column<number>;
    encrypted?: Column<number>;
    /** `guest`, `ambiguous` or `none`. */
    attribution?: Column<string>;
    /** In words: the evidence, or why it belongs to no guest. */
    reason?: Column<string>;
  };
}

export interface CoverageJob {
  id: string;
  instance: string;
  enabled: boolean;
  schedule: string;
  storage: string;
  comment?: string;
  /** Unix ms. */
  nextRun?: number;
}

export type CoverageState = "ok" | "unverified" | "late" | "failed" | "uncovered" | "none" | "excluded";

export interface CoverageGuest {
  id: string;
  instance: string;
  node: string;
  vmid: number;
  name: string;
  /** `qemu` or `lxc`. */
  type: string;
  status: string;
  /** Ids of the jobs that select it. */
  jobs: string[];
  state: CoverageState;
  /** In words. */
  reason: string;
  /** Unix ms of the last backup that can be restored. */
  lastGood?: number;
  /** Where that one is. */
  store?: string;
  source?: BackupSource;
  verified?: "ok" | "failed" | "none" | "";
  size?: number | null;
  backups: number;
  /** Snapshots, and the oldest of them in Unix ms. */
  snapshots?: number;
  oldestSnapshot?: number;
  nextRun?: number;
  /** Backups that could be this guest's or another's. */
  ambiguous?: number;
  /** Oldest first, a letter a day: `v` verified, `b` not verified, `f` failed, `-` none. */
  days?: string;
}

export interface BackupFailure {
  /** Unix ms. */
  at: number;
  title: string;
  detail: string;
  node?: string;
  instance?: string;
  /** `kind:id` of what it is about. */
  guest?: string;
  running?: boolean;
}

export interface Coverage {
  revision: number;
  jobs: CoverageJob[];
  guests: CoverageGuest[];
  failures?: BackupFailure[];
  /** Servers that could not be asked, with the cause. */
  gaps?: { instance: string; reason: string }[];
}

export interface Frequency {
  /** Local days of the server, `2026-11-24`, oldest first. */
  days: string[];
  pve: number[];
  pbs: number[];
  snapshot: number[];
  pmg: number[];
  failed?: number[];
}

export const backupTable = () => request<BackupTable>("/api/backups/table");
export const coverage = () => request<Coverage>("/api/backups/coverage");
export const frequency = (days: number) => request<Frequency>(`/api/backups/frequency?days=${days}`);
