/** A ZFS pool as the list shows it. Pure. */
import type { PoolHealth, ZfsPoolResource } from "@/api/proxmox";
import { ago, naturalKey, percent, plural, shortDuration } from "@/format/format";
import { LIMITS, over, worst, type Context, type Level, type Over } from "./level";
import { zfsLevel } from "./storage";

/** A pool that was not scrubbed for this long may have rotten blocks nobody knows of. */
export const SCRUB_DAYS = 45;

export interface ZfsRow {
  raw: ZfsPoolResource;
  id: string;
  name: string;
  sortName: string;
  node: string;
  level: Level;
  why: string;
  used: number | null;
  usedOver: Over;
  errors: number;
  /** Unix ms of the last finished scrub or resilver. */
  scanned: number | null;
  scanning: number | null;
  late: boolean;
  haystack: string;
}

const DAY = 86_400_000;

/** "scrub 9 d ago", "resilver 43 %". */
export function scanWords(pool: PoolHealth, at: number): string {
  const scan = pool.lastScan;
  if (!scan) return pool.scan ? pool.scan.split(" ").slice(0, 3).join(" ") : "never scrubbed";
  const what = scan.resilver ? "resilver" : "scrub";
  if (typeof scan.progress === "number") return `${what} ${percent(scan.progress)} %`;
  if (typeof scan.finished === "number") return `${what} ${ago((at - scan.finished) / 1000)}`;
  return `${what}, time not reported`;
}

export function makeZfs(raw: ZfsPoolResource, ctx: Context): ZfsRow {
  const used = raw.size ? ((raw.allocated ?? 0) / raw.size) * 100 : null;
  const errors = raw.readErrors + raw.writeErrors + raw.checksumErrors;
  const scanned = raw.lastScan?.finished ?? null;
  const scanning = raw.lastScan?.progress ?? null;
  const late = scanning === null && scanned !== null && ctx.at - scanned > SCRUB_DAYS * DAY;
  const usedOver = over(used, LIMITS.storage.usage);
  const levels: Level[] = [zfsLevel(raw.state), usedOver || "ok"];
  const words: string[] = [];
  if (raw.state !== "ONLINE") words.push(`Pool is ${raw.state || "in an unknown state"}`);
  if (errors > 0) {
    levels.push("warning");
    words.push(plural(errors, "error"));
  }
  if (usedOver) words.push(`${percent(used ?? 0)} % allocated`);
  if (scanning !== null) {
    levels.push("notice");
    words.push(`${raw.lastScan?.resilver ? "Resilver" : "Scrub"} at ${percent(scanning)} %`);
  }
  if ((raw.lastScan?.errors ?? 0) > 0) {
    levels.push("warning");
    words.push(`the last scan found ${plural(raw.lastScan?.errors ?? 0, "error")}`);
  }
  if (late) {
    levels.push("notice");
    words.push(`Not scrubbed for ${shortDuration((ctx.at - (scanned ?? 0)) / 1000)}`);
  }
  return {
    raw,
    id: raw.id,
    name: raw.name,
    sortName: naturalKey(raw.name),
    node: raw.node,
    level: worst(levels),
    why: words.join(", ") || "Online",
    used,
    usedOver,
    errors,
    scanned,
    scanning,
    late,
    haystack: [raw.name, raw.node, raw.instance, raw.state, ...raw.devices.map((d) => d.name)]
      .join("\n")
      .toLowerCase(),
  };
}
