/** What is wrong right now, worst first, causes before their consequences. Computed from the live state. */
import type { Trouble } from "@/live/estate";
import type { GuestRow } from "@/model/guest";
import { LEVEL_ORDER, LIMITS, type Level } from "@/model/level";
import type { NodeRow } from "@/model/node";
import { percent, plural } from "@/format/format";

export interface Concern {
  key: string;
  level: Level;
  title: string;
  detail: string;
  /** Unix ms since when, 0 when unknown. */
  since: number;
  /** `open` parameter. */
  open?: string;
  /** Another page. */
  href?: string;
}

export interface Attention {
  concerns: Concern[];
  critical: number;
  warning: number;
  /** Consequences that speak through their cause. */
  folded: number;
}

const names = { cpu: "CPU", mem: "memory", disk: "disk" } as const;

export function attention(
  nodes: readonly NodeRow[],
  guests: readonly GuestRow[],
  health: Record<string, boolean>,
  estate: readonly Trouble[],
): Attention {
  const concerns: Concern[] = [];
  let folded = 0;
  const guestsOn = new Map<string, number>();
  for (const guest of guests) {
    const key = `${guest.instance}\u0000${guest.node}`;
    guestsOn.set(key, (guestsOn.get(key) ?? 0) + 1);
  }
  const instancesWithNodes = new Set<string>();
  for (const node of nodes) {
    instancesWithNodes.add(node.instance);
    if (node.offline) {
      const unreachable = guestsOn.get(`${node.instance}\u0000${node.name}`) ?? 0;
      folded += unreachable;
      const others = nodes.filter((n) => n.place === node.place && n.place !== "standalone");
      const up = others.filter((n) => !n.offline).length;
      const quorum =
        others.length > 1
          ? ` · ${up * 2 > others.length ? "quorum holds" : "no quorum"}, ${up} of ${others.length}`
          : "";
      concerns.push({
        key: `node:${node.id}`,
        level: "critical",
        title: `${node.name} ${node.why === "Offline" ? "is offline" : "does not report"}`,
        detail: `${plural(unreachable, "guest")} unreachable${quorum}`,
        since: node.lastSeen,
        open: `node:${node.id}`,
      });
      continue;
    }
    for (const metric of ["cpu", "mem", "disk"] as const) {
      const level = node[`${metric}Over`];
      if (level === "") continue;
      concerns.push({
        key: `node:${node.id}:${metric}`,
        level,
        title: `${node.name} ${names[metric]} ${percent(node[metric] ?? 0)} %`,
        detail: `limit ${LIMITS.node[metric][level]} % · node of ${node.place}`,
        since: 0,
        open: `node:${node.id}`,
      });
    }
  }
  for (const [name, ok] of Object.entries(health)) {
    const docker = /^(docker|host|kubernetes)-/.test(name);
    if (ok || docker || instancesWithNodes.has(name)) continue;
    concerns.push({
      key: `source:${name}`,
      level: "critical",
      title: `${name} does not answer`,
      detail: "the connection fails; Settings → Proxmox says why",
      since: 0,
    });
  }
  for (const trouble of estate) {
    const count = trouble.critical + trouble.warning;
    concerns.push({
      key: `estate:${trouble.href}`,
      level: trouble.critical > 0 ? "critical" : "warning",
      title: `${trouble.label}: ${plural(count, "problem")}`,
      detail: trouble.worst,
      since: 0,
      href: trouble.href,
    });
  }
  for (const guest of guests)
    for (const metric of ["disk", "mem", "cpu"] as const) {
      const level = guest[`${metric}Over`];
      if (level === "") continue;
      concerns.push({
        key: `guest:${guest.id}:${metric}`,
        level,
        title: `${guest.name} ${names[metric]} ${percent(guest[metric] ?? 0)} %`,
        detail: `limit ${LIMITS.guest[metric][level]} % · ${guest.kind} ${guest.vmid} on ${guest.node}`,
        since: 0,
        open: `guest:${guest.id}`,
      });
    }
  // Stable among equals, so that the strip does not dance with every update.
  concerns.sort((a, b) => LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level]);
  return {
    concerns,
    critical: concerns.filter((c) => c.level === "critical").length,
    warning: concerns.filter((c) => c.level === "warning").length,
    folded,
  };
}
