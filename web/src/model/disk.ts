/** A physical disk as the list shows it. Pure. */
import type { DiskResource } from "@/api/proxmox";
import { naturalKey } from "@/format/format";
import { LIMITS, over, worst, type Level, type Over } from "./level";

export interface DiskRow {
  raw: DiskResource;
  id: string;
  /** `/dev/sda`. */
  name: string;
  sortName: string;
  node: string;
  level: Level;
  why: string;
  health: "passed" | "failed" | "unknown" | "standby";
  /** Percent of its life that is left. */
  life: number | null;
  lifeOver: Over;
  temperature: number | null;
  temperatureOver: Over;
  haystack: string;
}

/** Percent of life left under which a disk should be replaced soon, and now. */
export const LIFE = { warning: 10, critical: 3 } as const;

function healthOf(raw: DiskResource): DiskRow["health"] {
  if (raw.standby) return "standby";
  if (/^(passed|ok)$/i.test(raw.health)) return "passed";
  return /fail/i.test(raw.health) ? "failed" : "unknown";
}

export function makeDisk(raw: DiskResource): DiskRow {
  const health = healthOf(raw);
  const life = raw.wearout >= 0 ? raw.wearout : null;
  const lifeOver: Over =
    life === null || life > LIFE.warning ? "" : life > LIFE.critical ? "warning" : "critical";
  const temperature = raw.temperature > 0 ? raw.temperature : null;
  const temperatureOver = over(temperature, LIMITS.disk.temperature);
  const levels: Level[] = [lifeOver || "ok", temperatureOver || "ok"];
  const words: string[] = [];
  if (health === "failed") {
    levels.push("critical");
    words.push("Fails its SMART check");
  }
  if (lifeOver) words.push(`${life} % of its life is left`);
  if (temperatureOver) words.push(`${temperature} °C, limit ${LIMITS.disk.temperature[temperatureOver]} °C`);
  if (words.length === 0 && health === "standby") {
    levels.push("paused");
    words.push("In standby, not woken to be read");
  }
  if (words.length === 0 && health === "unknown") words.push("Reports no SMART state");
  const stale = raw.stale === true;
  return {
    raw,
    id: raw.id,
    name: raw.devPath,
    sortName: naturalKey(raw.devPath),
    node: raw.node,
    level: stale ? "unknown" : worst(levels),
    why: stale ? "No fresh report" : words.join(", ") || "Passes its SMART check",
    health,
    life,
    lifeOver: stale ? "" : lifeOver,
    temperature: stale ? null : temperature,
    temperatureOver: stale ? "" : temperatureOver,
    haystack: [raw.devPath, raw.model, raw.vendor, raw.serial, raw.node, raw.type, raw.used, raw.health]
      .filter(Boolean)
      .join("\n")
      .toLowerCase(),
  };
}
