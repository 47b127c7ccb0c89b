/**
 * What needs somebody on each Proxmox page, by the same judgement as the page's own rows: for the tabs and for the
 * attention strip of the overview.
 */
import { createMemo, createRoot } from "solid-js";
import { makeCephPool, makeOsd, healthLevel } from "@/model/ceph";
import { members } from "@/model/cluster";
import { makeDisk } from "@/model/disk";
import type { Level } from "@/model/level";
import { makeJob } from "@/model/replication";
import { makePool } from "@/model/storage";
import { makeZfs } from "@/model/zfs";
import { live } from "./live";

export interface Trouble {
  href: string;
  /** What the page is about. */
  label: string;
  critical: number;
  warning: number;
  /** The worst of them, in words. */
  worst: string;
}

interface Judged {
  level: Level;
  name: string;
  why: string;
}

function judge(href: string, label: string, rows: readonly Judged[]): Trouble | undefined {
  const critical = rows.filter((r) => r.level === "critical");
  const warning = rows.filter((r) => r.level === "warning");
  const first = critical[0] ?? warning[0];
  if (!first) return undefined;
  return {
    href,
    label,
    critical: critical.length,
    warning: warning.length,
    worst: `${first.name}: ${first.why.charAt(0).toLowerCase()}${first.why.slice(1)}`,
  };
}

/** Nodes that do not answer speak for themselves on the overview. */
function clusterTrouble(): Judged[] {
  const clusters = live.list("clusters");
  const rows: Judged[] = members(clusters, live.nodes(), live.context().at).filter((r) => r.online);
  for (const cluster of clusters) {
    if (cluster.stale) continue;
    if (cluster.qdevice && !cluster.qdevice.connected)
      rows.push({ level: "warning", name: cluster.name, why: "the qdevice is lost" });
    for (const service of cluster.ha?.services ?? [])
      if (service.troubled) rows.push({ level: "critical", name: service.sid, why: service.state });
  }
  return rows;
}

export const estate = createRoot(() =>
  createMemo<readonly Trouble[]>(() => {
    const ctx = live.context();
    const ceph = live.list("cephClusters");
    return [
      judge("/proxmox/cluster", "Clusters", clusterTrouble()),
      judge(
        "/proxmox/ceph",
        "Ceph",
        ceph.flatMap((c): Judged[] => [
          { level: healthLevel(c.health, c.stale), name: c.instance, why: c.healthMessage || c.health },
          ...(c.osds ?? []).map((osd) => makeOsd(c, osd)),
          ...(c.pools ?? []).map((pool) => makeCephPool(c, pool)),
        ]),
      ),
      judge(
        "/proxmox/storage",
        "Storage",
        live.list("storage").map((raw) => makePool(raw, ctx)),
      ),
      judge("/proxmox/storage/disks", "Disks", live.list("physicalDisks").map(makeDisk)),
      judge(
        "/proxmox/storage/zfs",
        "ZFS",
        live.list("zfsPools").map((raw) => makeZfs(raw, ctx)),
      ),
      judge(
        "/proxmox/replication",
        "Replication",
        live.list("replicationJobs").map((raw) => makeJob(raw, ctx)),
      ),
    ].filter((t) => t !== undefined);
  }),
);

/** The worst level on a page and those below it; "" when nothing is wrong there. */
export function troubleAt(href: string): "" | "warning" | "critical" {
  let level: "" | "warning" | "critical" = "";
  for (const trouble of estate()) {
    if (!trouble.href.startsWith(href)) continue;
    if (trouble.critical > 0) return "critical";
    level = "warning";
  }
  return level;
}
