/** A storage as the list shows it. Pure. */
import type { StorageWithParts } from "@/api/proxmox";
import { ago, naturalKey, percent } from "@/format/format";
import { isStale, LIMITS, over, worst, type Context, type Level, type Over } from "./level";

export interface PoolRow {
  raw: StorageWithParts;
  id: string;
  name: string;
  sortName: string;
  instance: string;
  /** The nodes that see it. */
  nodes: string[];
  content: string[];
  level: Level;
  why: string;
  available: boolean;
  /** Percent; null when not known. */
  used: number | null;
  usedOver: Over;
  /** Of a thin pool: percent of its metadata. */
  metadata: number | null;
  metadataOver: Over;
  lastSeen: number;
  haystack: string;
}

export function zfsLevel(state: string): Level {
  if (state === "ONLINE") return "ok";
  return state === "DEGRADED" ? "warning" : state === "" ? "unknown" : "critical";
}

function reasons(row: PoolRow): { level: Level; words: string }[] {
  const { zfsPool } = row.raw;
  const list: { level: Level; words: string }[] = [];
  if (row.usedOver)
    list.push({
      level: row.usedOver,
      words: `${percent(row.used ?? 0)} % used, limit ${LIMITS.storage.usage[row.usedOver]} %`,
    });
  if (row.metadataOver)
    list.push({
      level: row.metadataOver,
      words: `thin-pool metadata ${percent(row.metadata ?? 0)} % full`,
    });
  if (zfsPool && zfsPool.state !== "ONLINE")
    list.push({ level: zfsLevel(zfsPool.state), words: `ZFS pool ${zfsPool.name} is ${zfsPool.state}` });
  return list;
}

export function makePool(raw: StorageWithParts, ctx: Context): PoolRow {
  const available = raw.status === "available";
  const stale = raw.stale === true || isStale(raw.lastSeen ?? 0, ctx);
  const used = available && raw.total > 0 ? raw.usage : null;
  const metadata = raw.thinPool && raw.thinPool.metadataSize > 0 ? raw.thinPool.metadataUsage : null;
  const nodes = raw.shared ? [...(raw.nodes ?? [])] : [raw.node];
  const row: PoolRow = {
    raw,
    id: raw.id,
    name: raw.name,
    sortName: naturalKey(raw.name),
    instance: raw.instance,
    nodes,
    content: raw.content.split(",").filter(Boolean),
    level: "ok",
    why: "Available",
    available,
    used,
    usedOver: stale ? "" : over(used, LIMITS.storage.usage),
    metadata,
    metadataOver: stale ? "" : over(metadata, LIMITS.storage.metadata),
    lastSeen: raw.lastSeen ?? 0,
    haystack: [
      raw.name,
      raw.type,
      raw.instance,
      raw.content,
      raw.status,
      ...nodes,
      raw.shared ? "shared" : "local",
    ]
      .join("\n")
      .toLowerCase(),
  };
  if (raw.status === "disabled") return { ...row, level: "off", why: "Disabled in Proxmox" };
  if (stale)
    return {
      ...row,
      level: "unknown",
      why:
        row.lastSeen > 0 ? `No fresh report, last ${ago((ctx.at - row.lastSeen) / 1000)}` : "No fresh report",
    };
  if (!available) return { ...row, level: "critical", why: "Not available" };
  const found = reasons(row);
  if (found.length === 0) return used === null ? { ...row, why: "Available, size not reported" } : row;
  return { ...row, level: worst(found.map((r) => r.level)), why: found.map((r) => r.words).join(", ") };
}

/** Percent per day over a series of percent, by least squares; null where there is too little to say. */
export function growth(times: readonly number[], values: readonly (number | null)[]): number | null {
  const points = times.flatMap((t, i) => {
    const v = values[i];
    return v === null || v === undefined ? [] : [[t / 86_400_000, v] as const];
  });
  const first = points[0];
  const last = points.at(-1);
  // Half a day at least: over an hour every backup run would look like the end of the world.
  if (!first || !last || points.length < 8 || last[0] - first[0] < 0.5) return null;
  const n = points.length;
  const mx = points.reduce((s, p) => s + p[0], 0) / n;
  const my = points.reduce((s, p) => s + p[1], 0) / n;
  const top = points.reduce((s, p) => s + (p[0] - mx) * (p[1] - my), 0);
  const bottom = points.reduce((s, p) => s + (p[0] - mx) ** 2, 0);
  return bottom > 0 ? top / bottom : null;
}

/** Days until it is full at this rate; null when it does not grow or would take more than two years. */
export function daysUntilFull(used: number | null, perDay: number | null): number | null {
  if (used === null || perDay === null || perDay < 0.01) return null;
  const days = (100 - used) / perDay;
  return days > 730 ? null : Math.max(0, days);
}
