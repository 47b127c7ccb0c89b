/** The seven states, and the limits that decide between them. */
export type Level = "ok" | "notice" | "warning" | "critical" | "off" | "unknown" | "paused";

export const LEVEL_ORDER: Record<Level, number> = {
  critical: 0,
  warning: 1,
  unknown: 2,
  notice: 3,
  paused: 4,
  ok: 5,
  off: 6,
};

export const LEVEL_WORD: Record<Level, string> = {
  ok: "OK",
  notice: "Notice",
  warning: "Warning",
  critical: "Critical",
  off: "Off",
  unknown: "Unknown",
  paused: "Paused",
};

export interface Limit {
  warning: number;
  critical: number;
}

/** Factory limits in percent (°C for temperatures). Rules and overrides will replace them per resource. */
export const LIMITS = {
  guest: {
    cpu: { warning: 80, critical: 90 },
    mem: { warning: 85, critical: 95 },
    disk: { warning: 90, critical: 100 },
  },
  node: {
    cpu: { warning: 80, critical: 90 },
    mem: { warning: 85, critical: 95 },
    disk: { warning: 90, critical: 100 },
    temperature: { warning: 80, critical: 90 },
  },
  host: {
    cpu: { warning: 80, critical: 90 },
    mem: { warning: 85, critical: 95 },
    disk: { warning: 90, critical: 100 },
    temperature: { warning: 80, critical: 90 },
  },
  storage: {
    usage: { warning: 85, critical: 95 },
    /** A thin pool whose metadata is full stops all writes. */
    metadata: { warning: 80, critical: 90 },
  },
  disk: { temperature: { warning: 60, critical: 70 } },
  ceph: {
    usage: { warning: 75, critical: 85 },
    osd: { warning: 85, critical: 95 },
  },
} as const satisfies Record<string, Record<string, Limit>>;

export type Over = "" | "warning" | "critical";

export function over(value: number | null, limit: Limit | undefined): Over {
  if (value === null || !limit) return "";
  if (value >= limit.critical) return "critical";
  return value >= limit.warning ? "warning" : "";
}

export function worst(levels: Iterable<Level>): Level {
  let result: Level = "ok";
  for (const level of levels) if (LEVEL_ORDER[level] < LEVEL_ORDER[result]) result = level;
  return result;
}

/** What a row needs to know besides its own resource. */
export interface Context {
  /** The server's clock, Unix ms. */
  at: number;
  /** Seconds between polls. */
  interval: number;
  /** `instance\0node` of nodes that do not answer. */
  offlineNodes: ReadonlySet<string>;
  health: Record<string, boolean>;
}

/** No report for six polls, at least 90 s: what we have is no longer evidence. */
export function isStale(lastSeen: number, ctx: Context): boolean {
  return lastSeen > 0 && ctx.at - lastSeen > Math.max(90_000, ctx.interval * 6_000);
}
