/** What is wrong with clusters as such, before what is wrong with their nodes. */
import type { ClusterResource } from "@/api/proxmox";
import type { Concern } from "@/components/list/Strip";
import { plural } from "@/format/format";

export function clusterConcerns(clusters: readonly ClusterResource[]): Concern[] {
  const list: Concern[] = [];
  const add = (
    cluster: ClusterResource,
    key: string,
    level: Concern["level"],
    title: string,
    detail: string,
    href = "/proxmox/cluster",
  ) => list.push({ key: `${cluster.id} ${key}`, level, title, detail, since: 0, href });
  for (const cluster of clusters) {
    if (cluster.stale) continue;
    if (cluster.quorate === false)
      add(
        cluster,
        "quorum",
        "critical",
        `${cluster.name} has no quorum`,
        `${cluster.totalVotes ?? "some"} of ${cluster.expectedVotes ?? "its"} votes: nothing can be started or changed`,
      );
    if (cluster.qdevice && !cluster.qdevice.connected)
      add(
        cluster,
        "qdevice",
        "warning",
        `${cluster.name}: the qdevice is lost`,
        `${cluster.qdevice.host}, ${cluster.qdevice.state || "not connected"}`,
      );
    const troubled = cluster.ha?.services.filter((s) => s.troubled) ?? [];
    if (troubled.length > 0)
      add(
        cluster,
        "ha",
        "critical",
        `${plural(troubled.length, "HA service")} in trouble`,
        troubled
          .map((s) => `${s.sid} ${s.state}`)
          .slice(0, 4)
          .join(", "),
        "/proxmox/cluster/ha?problems=1",
      );
  }
  return list;
}
