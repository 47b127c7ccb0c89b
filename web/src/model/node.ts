import type { NodeResource } from "@/api/types";
import { isStale, LIMITS, over, worst, type Context, type Level, type Over } from "./level";

export interface NodeRow {
  raw: NodeResource;
  id: string;
  name: string;
  instance: string;
  /** Cluster name, or "standalone". */
  place: string;
  offline: boolean;
  level: Level;
  why: string;
  cpu: number | null;
  mem: number | null;
  disk: number | null;
  cpuOver: Over;
  memOver: Over;
  diskOver: Over;
  tempOver: Over;
  temp: number | null;
  uptime: number | null;
  cores: number;
  lastSeen: number;
}

export function makeNodeRow(raw: NodeResource): NodeRow {
  return {
    raw,
    id: raw.id,
    name: raw.name,
    instance: raw.instance,
    place: raw.isClusterMember && raw.clusterName ? raw.clusterName : "standalone",
    offline: false,
    level: "unknown",
    why: "",
    cpu: null,
    mem: null,
    disk: null,
    cpuOver: "",
    memOver: "",
    diskOver: "",
    tempOver: "",
    temp: null,
    uptime: null,
    cores: raw.cpuInfo?.cores ?? 0,
    lastSeen: 0,
  };
}

export function updateNodeRow(row: NodeRow, ctx: Context) {
  const raw = row.raw;
  const stale = raw.stale === true || isStale(raw.lastSeen, ctx);
  row.offline = raw.status === "offline" || raw.connectionHealth === "error" || stale;
  row.lastSeen = raw.lastSeen > 0 ? raw.lastSeen : 0;
  const on = !row.offline;
  row.cpu = on ? raw.cpu * 100 : null;
  row.mem = on && raw.memory && raw.memory.total > 0 ? raw.memory.usage : null;
  row.disk = on && raw.disk && raw.disk.total > 0 && raw.disk.usage >= 0 ? raw.disk.usage : null;
  row.uptime = on && raw.uptime > 0 ? raw.uptime : null;
  const t = raw.temperature;
  row.temp = on && t?.available ? (t.cpuPackage ?? t.cpuMax ?? null) : null;
  row.cpuOver = over(row.cpu, LIMITS.node.cpu);
  row.memOver = over(row.mem, LIMITS.node.mem);
  row.diskOver = over(row.disk, LIMITS.node.disk);
  row.tempOver = over(row.temp, LIMITS.node.temperature);
  if (row.offline) {
    row.level = "critical";
    row.why = stale && raw.status !== "offline" ? "No fresh report" : "Offline";
  } else {
    row.level = worst([row.cpuOver || "ok", row.memOver || "ok", row.diskOver || "ok", row.tempOver || "ok"]);
    if (row.level === "ok" && raw.connectionHealth === "degraded") {
      row.level = "notice";
      row.why = "Some cluster endpoints do not answer";
    } else {
      const hot = [
        row.cpuOver && "CPU",
        row.memOver && "memory",
        row.diskOver && "disk",
        row.tempOver && "temperature",
      ];
      row.why = row.level === "ok" ? "Online" : `Over the limit: ${hot.filter(Boolean).join(", ")}`;
    }
  }
}

/** "pve-manager/8.3.0/c1689ccb" is 8.3.0 to people. */
export const versionOf = (raw: NodeResource): string =>
  raw.pveVersion?.match(/\d+(?:\.\d+)+/)?.[0] ?? raw.pveVersion ?? "";

/** The node's own web UI. Only http and https are ever linked. */
export function nodeLink(raw: NodeResource): string | undefined {
  return safeUrl(raw.guestURL) ?? safeUrl(raw.host) ?? safeUrl(`https://${raw.name}:8006`);
}

export function safeUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
