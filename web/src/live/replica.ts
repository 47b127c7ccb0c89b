/**
 * The client's copy of the server's state under the protocol `pulse.v1+delta` (docs/live-protocol.md).
 *
 * Pure: takes messages, changes its tables in place, says what was touched. Objects keep their identity while a
 * resource lives, so that views can hold on to them. A delta that does not follow on our version is refused;
 * the caller then asks for a snapshot.
 */
import type {
  CephResource,
  ClusterResource,
  FullState,
  GuestResource,
  HostResource,
  NodeResource,
  PbsResource,
  PhysicalDiskResource,
  PmgResource,
  ReplicationResource,
  StorageResource,
  ZfsPoolResource,
} from "@/api/types";

export interface Collections {
  nodes: NodeResource;
  vms: GuestResource;
  containers: GuestResource;
  storage: StorageResource;
  hosts: HostResource;
  physicalDisks: PhysicalDiskResource;
  zfsPools: ZfsPoolResource;
  cephClusters: CephResource;
  clusters: ClusterResource;
  replicationJobs: ReplicationResource;
  pbs: PbsResource;
  pmg: PmgResource;
}
export type CollectionName = keyof Collections;
export const COLLECTIONS: readonly CollectionName[] = [
  "nodes",
  "vms",
  "containers",
  "storage",
  "hosts",
  "physicalDisks",
  "zfsPools",
  "cephClusters",
  "clusters",
  "replicationJobs",
  "pbs",
  "pmg",
];

/** One value for each collection. */
function each<T>(make: () => T): Record<CollectionName, T> {
  return Object.fromEntries(COLLECTIONS.map((name) => [name, make()])) as Record<CollectionName, T>;
}

export interface SnapshotMessage {
  type: "snapshot";
  version: number;
  at: number;
  state: FullState;
  handles: Partial<Record<CollectionName, number[]>>;
}

type Column = unknown;
interface PatchGroup {
  h: number[];
  [column: string]: Column;
}
interface CollectionDelta {
  del?: number[];
  put?: [number, object][];
  patch?: PatchGroup[];
}
export interface DeltaMessage extends Partial<Record<CollectionName, CollectionDelta>> {
  type: "delta";
  from: number;
  version: number;
  at: number;
  set?: Record<string, unknown>;
}

/** Which resources a message touched, and whether any came, went or was replaced. */
export interface Changes {
  structure: boolean;
  touched: Record<CollectionName, number[]>;
}

const MIB = 1024 * 1024;

const nothing = (): Changes => ({
  structure: false,
  touched: each(() => []),
});

interface Sized {
  total: number;
  used: number;
  free: number;
  usage: number;
}

function setUsed(target: Sized | undefined, used: number) {
  if (!target) return;
  target.used = used;
  target.free = Math.max(0, target.total - used);
  target.usage = target.total > 0 ? (used / target.total) * 100 : 0;
}

type Writable = {
  cpu?: number;
  cpuUsage?: number;
  mem?: number;
  memory?: Sized;
  disk?: Sized;
  disks?: (Sized & { type?: string })[];
  used?: number;
  total?: number;
  avail?: number;
  free?: number;
  usage?: number;
  loadAverage?: number[];
  lastSeen?: number | string;
  uptime?: number;
  uptimeSeconds?: number;
  [key: string]: unknown;
};

/** When the resource was last read; some kinds have it in further keys or as text, as v5 does. */
function setSeen(kind: CollectionName, target: Writable, at: number) {
  switch (kind) {
    case "pbs":
      target.lastSeen = new Date(at).toISOString();
      return;
    case "pmg":
      target.lastSeen = new Date(at).toISOString();
      target.lastUpdated = target.lastSeen;
      return;
    case "physicalDisks":
      target.lastChecked = new Date(at).toISOString();
      break;
    case "cephClusters":
      target.lastUpdated = at;
      break;
    case "replicationJobs":
      target.polledAt = at;
      break;
    default:
  }
  target.lastSeen = at;
}

function applyColumn(
  kind: CollectionName,
  target: Writable,
  column: string,
  value: unknown,
  boot: Map<number, number>,
  h: number,
) {
  const n = typeof value === "number" ? value : 0;
  switch (column) {
    case "cpu":
      if (kind === "hosts") target.cpuUsage = n;
      else target.cpu = n;
      break;
    case "mem":
      if (kind !== "hosts") target.mem = n * MIB;
      setUsed(target.memory, n * MIB);
      break;
    case "disk":
      setUsed(target.disk, n * MIB);
      // The one file system of a container is its disk.
      if (target.disks?.length === 1 && target.disks[0]?.type === "rootfs") setUsed(target.disks[0], n * MIB);
      break;
    case "used":
      target.used = n * MIB;
      target.avail = Math.max(0, (target.total ?? 0) - target.used);
      target.free = target.avail;
      target.usage = target.total ? (target.used / target.total) * 100 : 0;
      break;
    case "load":
      if (Array.isArray(value)) target.loadAverage = value as number[];
      break;
    case "boot":
      boot.set(h, n);
      break;
    case "lastSeen":
      setSeen(kind, target, n);
      break;
    default:
      target[column] = value;
  }
}

export class Replica {
  version = -1;
  /** The server's clock at the last message, Unix ms. */
  at = 0;
  readonly tables = each(() => new Map()) as { [K in CollectionName]: Map<number, Collections[K]> };
  /** Top-level keys without handles: connectionHealth, activeAlerts, … */
  rest: Record<string, unknown> = {};
  readonly #boot = each(() => new Map<number, number>());

  snapshot(message: SnapshotMessage): Changes {
    const changes = nothing();
    changes.structure = true;
    for (const kind of COLLECTIONS) {
      const table = this.tables[kind] as Map<number, object>;
      table.clear();
      this.#boot[kind].clear();
      const handles = message.handles[kind] ?? [];
      for (const [i, resource] of ((message.state[kind] ?? []) as object[]).entries()) {
        const handle = handles[i];
        if (handle === undefined) continue;
        table.set(handle, resource);
        this.#rememberBoot(kind, handle, resource as Writable);
        changes.touched[kind].push(handle);
      }
    }
    this.rest = {};
    for (const [key, value] of Object.entries(message.state))
      if (!COLLECTIONS.includes(key as CollectionName)) this.rest[key] = value;
    this.version = message.version;
    this.at = message.at;
    return changes;
  }

  /** `undefined` when the delta does not follow on our version. */
  delta(message: DeltaMessage): Changes | undefined {
    if (message.from !== this.version) return undefined;
    const changes = nothing();
    for (const kind of COLLECTIONS) {
      const part = message[kind];
      if (!part) continue;
      const table = this.tables[kind] as Map<number, object>;
      const touched = changes.touched[kind];
      for (const handle of part.del ?? []) {
        table.delete(handle);
        this.#boot[kind].delete(handle);
        changes.structure = true;
      }
      for (const [handle, resource] of part.put ?? []) {
        table.set(handle, resource);
        this.#rememberBoot(kind, handle, resource as Writable);
        touched.push(handle);
        changes.structure = true;
      }
      for (const group of part.patch ?? []) this.#patch(kind, group, touched);
    }
    if (message.set) {
      Object.assign(this.rest, message.set);
      changes.structure = true;
    }
    this.version = message.version;
    this.at = message.at;
    return changes;
  }

  #patch(kind: CollectionName, group: PatchGroup, touched: number[]) {
    const table = this.tables[kind] as Map<number, object>;
    const boot = this.#boot[kind];
    const columns = Object.entries(group).filter(([name]) => name !== "h");
    for (const [i, handle] of group.h.entries()) {
      const target = table.get(handle) as Writable | undefined;
      if (!target) continue;
      for (const [name, column] of columns) {
        // `load` is itself an array of three: one scalar for the group, or an array of such arrays.
        const parallel = Array.isArray(column) && (name !== "load" || Array.isArray(column[0]));
        const value: unknown = parallel ? (column as unknown[])[i] : column;
        if (value !== undefined && value !== null) applyColumn(kind, target, name, value, boot, handle);
      }
      const started = boot.get(handle);
      if (started !== undefined && typeof target.lastSeen === "number") {
        const uptime = Math.max(0, Math.round(target.lastSeen / 1000 - started));
        if (kind === "hosts") target.uptimeSeconds = uptime;
        else target.uptime = uptime;
      }
      touched.push(handle);
    }
  }

  #rememberBoot(kind: CollectionName, handle: number, resource: Writable) {
    const uptime = kind === "hosts" ? resource.uptimeSeconds : resource.uptime;
    if (
      typeof uptime === "number" &&
      uptime > 0 &&
      typeof resource.lastSeen === "number" &&
      resource.lastSeen > 0
    )
      this.#boot[kind].set(handle, resource.lastSeen / 1000 - uptime);
    else this.#boot[kind].delete(handle);
  }
}
