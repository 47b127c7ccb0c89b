/** Ceph clusters, their OSDs and pools as the page shows them. Pure. */
import type { CephPool, CephResource } from "@/api/proxmox";
import { naturalKey, percent } from "@/format/format";
import { LIMITS, over, type Level, type Over } from "./level";

export function healthLevel(health: string, stale = false): Level {
  if (stale) return "unknown";
  if (health === "HEALTH_OK") return "ok";
  return health === "HEALTH_WARN" ? "warning" : health === "HEALTH_ERR" ? "critical" : "unknown";
}

export const healthWord = (health: string): string =>
  ({ HEALTH_OK: "Healthy", HEALTH_WARN: "Warning", HEALTH_ERR: "Error" })[health] ?? "Health not reported";

type Osd = NonNullable<CephResource["osds"]>[number];

export interface OsdRow {
  raw: Osd;
  ceph: CephResource;
  id: string;
  name: string;
  level: Level;
  why: string;
  used: number | null;
  usedOver: Over;
  haystack: string;
}

export function makeOsd(ceph: CephResource, raw: Osd): OsdRow {
  const used = raw.up ? raw.percentUsed : null;
  const usedOver = over(used, LIMITS.ceph.osd);
  let level: Level = usedOver || "ok";
  let why = usedOver ? `${percent(used ?? 0)} % used, limit ${LIMITS.ceph.osd[usedOver]} %` : "Up and in";
  if (!raw.up) {
    level = raw.in ? "critical" : "warning";
    why = raw.in ? "Down; its data is rebuilt when it is marked out" : "Down and out";
  } else if (!raw.in) {
    level = "notice";
    why = "Up, but out: takes no data";
  }
  return {
    raw,
    ceph,
    id: `${ceph.id}/osd.${raw.id}`,
    name: `osd.${raw.id}`,
    level: ceph.stale ? "unknown" : level,
    why: ceph.stale ? "No fresh report" : why,
    used,
    usedOver,
    haystack: [`osd.${raw.id}`, raw.host, raw.class, ceph.instance].filter(Boolean).join("\n").toLowerCase(),
  };
}

export interface CephPoolRow {
  raw: CephPool;
  ceph: CephResource;
  id: string;
  name: string;
  sortName: string;
  level: Level;
  why: string;
  used: number;
  usedOver: Over;
  haystack: string;
}

export function makeCephPool(ceph: CephResource, raw: CephPool): CephPoolRow {
  const usedOver = over(raw.percentUsed, LIMITS.ceph.usage);
  return {
    raw,
    ceph,
    id: `${ceph.id}/${raw.id}`,
    name: raw.name,
    sortName: naturalKey(raw.name),
    level: ceph.stale ? "unknown" : usedOver || "ok",
    why: ceph.stale
      ? "No fresh report"
      : usedOver
        ? `${percent(raw.percentUsed)} % used, limit ${LIMITS.ceph.usage[usedOver]} %`
        : "Within its limit",
    used: raw.percentUsed,
    usedOver,
    haystack: [raw.name, ceph.name, ceph.instance].join("\n").toLowerCase(),
  };
}

/** Placement groups that are clean, and those that are not by state. */
export function groupsOf(ceph: CephResource): { clean: number; rest: [string, number][] } {
  let clean = 0;
  const rest: [string, number][] = [];
  for (const [state, count] of Object.entries(ceph.pgStates ?? {}))
    if (/^active\+clean(\+scrubbing.*)?$/.test(state)) clean += count;
    else rest.push([state, count]);
  return { clean, rest: rest.sort((a, b) => b[1] - a[1]) };
}
