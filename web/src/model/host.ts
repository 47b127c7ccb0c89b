import type { Disk, HostResource } from "@/api/types";
import { LIMITS, over, worst, type Context, type Level, type Over } from "./level";

export interface HostRow {
  raw: HostResource;
  id: string;
  name: string;
  os: string;
  offline: boolean;
  level: Level;
  why: string;
  cpu: number | null;
  mem: number | null;
  /** The fullest filesystem; a sum over disks would hide the one that matters. */
  disk: number | null;
  fullest: Disk | undefined;
  cpuOver: Over;
  memOver: Over;
  diskOver: Over;
  tempOver: Over;
  load: number | null;
  temp: number | null;
  uptime: number | null;
  lastSeen: number;
  haystack: string;
}

/** The sensor that speaks for the machine: the CPU package, else the hottest. */
export function mainTemperature(raw: HostResource): number | null {
  const entries = Object.entries(raw.sensors?.temperatureCelsius ?? {});
  if (entries.length === 0) return null;
  const cpu = entries.find(([name]) => /package|composite|tctl|tdie|cpu/i.test(name));
  return cpu ? cpu[1] : Math.max(...entries.map(([, value]) => value));
}

export function makeHostRow(raw: HostResource): HostRow {
  const name = raw.displayName || raw.hostname;
  const os = [raw.osName, raw.osVersion].filter(Boolean).join(" ");
  return {
    raw,
    id: raw.id,
    name,
    os,
    offline: false,
    level: "unknown",
    why: "",
    cpu: null,
    mem: null,
    disk: null,
    fullest: undefined,
    cpuOver: "",
    memOver: "",
    diskOver: "",
    tempOver: "",
    load: null,
    temp: null,
    uptime: null,
    lastSeen: 0,
    haystack: [name, raw.hostname, os, raw.platform, raw.architecture, ...(raw.tags ?? [])]
      .join("\n")
      .toLowerCase(),
  };
}

export function updateHostRow(row: HostRow, ctx: Context) {
  const raw = row.raw;
  // The same clamp as the server's: six report intervals, at least a minute, at most ten.
  const patience = Math.min(600, Math.max(60, 6 * (raw.intervalSeconds || 60))) * 1000;
  const silent = raw.lastSeen > 0 && ctx.at - raw.lastSeen > patience;
  row.offline = raw.status === "offline" || raw.stale === true || silent;
  row.lastSeen = raw.lastSeen > 0 ? raw.lastSeen : 0;
  const on = !row.offline;
  row.cpu = on ? (raw.cpuUsage ?? 0) : null;
  row.mem = on && raw.memory && raw.memory.total > 0 ? raw.memory.usage : null;
  row.fullest = undefined;
  for (const disk of raw.disks ?? [])
    if (disk.usage >= 0 && disk.usage > (row.fullest?.usage ?? -1)) row.fullest = disk;
  row.disk = on ? (row.fullest?.usage ?? null) : null;
  row.load = on ? (raw.loadAverage?.[0] ?? null) : null;
  row.temp = on ? mainTemperature(raw) : null;
  row.uptime = on ? (raw.uptimeSeconds ?? null) : null;
  row.cpuOver = over(row.cpu, LIMITS.host.cpu);
  row.memOver = over(row.mem, LIMITS.host.mem);
  row.diskOver = over(row.disk, LIMITS.host.disk);
  row.tempOver = over(row.temp, LIMITS.host.temperature);
  const raidTrouble = (raw.raid ?? []).find(
    (array) => array.failedDevices > 0 || /degraded|failed/i.test(array.state),
  );
  const smartTrouble = (raw.sensors?.smart ?? []).find((disk) => disk.health === "FAILED");
  if (row.offline) {
    row.level = "critical";
    row.why = "No report";
  } else if (smartTrouble) {
    row.level = "critical";
    row.why = `${smartTrouble.device} fails its SMART check`;
  } else if (raidTrouble) {
    row.level = "warning";
    row.why = `${raidTrouble.device} is ${raidTrouble.state}`;
  } else {
    row.level = worst([row.cpuOver || "ok", row.memOver || "ok", row.diskOver || "ok", row.tempOver || "ok"]);
    const hot = [
      row.cpuOver && "CPU",
      row.memOver && "memory",
      row.diskOver && "disk",
      row.tempOver && "temperature",
    ];
    if (row.level !== "ok") row.why = `Over the limit: ${hot.filter(Boolean).join(", ")}`;
    else if (raw.status === "degraded") {
      row.level = "warning";
      row.why = "Degraded";
    } else row.why = "Reporting";
  }
}
