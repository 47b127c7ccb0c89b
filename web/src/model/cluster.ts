/** A node with its cluster, its upkeep and its part in high availability. Pure. */
import type { Certificate, ClusterResource, NodeUpdates } from "@/api/proxmox";
import { naturalKey, plural, shortDuration } from "@/format/format";
import { worst, type Level } from "./level";
import { versionOf, type NodeRow } from "./node";

export interface MemberRow {
  id: string;
  name: string;
  sortName: string;
  /** Cluster name; "" for a node on its own. */
  cluster: string;
  instance: string;
  state: ClusterResource | undefined;
  node: NodeRow | undefined;
  online: boolean;
  votes: number | null;
  ip: string;
  /** State of the local resource manager; "" when it has none. */
  ha: string;
  haLevel: Level;
  updates: NodeUpdates | undefined;
  certificates: readonly Certificate[];
  /** The certificate that ends first, and the days it has left. */
  nextEnd: { file: string; days: number } | null;
  version: string;
  /** "6.14.11-4-pve" of what the kernel says about itself. */
  kernel: string;
  level: Level;
  why: string;
  haystack: string;
}

export const CERT_DAYS = { warning: 14, notice: 30 } as const;
const DAY = 86_400_000;

export function haLevel(state: string): Level {
  if (/dead|lost|fence|error/i.test(state)) return "critical";
  if (/maintenance|freeze|restart/i.test(state)) return "paused";
  if (/wait|unknown|old timestamp/i.test(state)) return "warning";
  return "ok";
}

function endOf(certificates: readonly Certificate[], at: number) {
  let first: { file: string; days: number } | null = null;
  for (const certificate of certificates) {
    const { notAfter } = certificate;
    if (typeof notAfter !== "number") continue;
    const days = Math.floor((notAfter - at) / DAY);
    if (!first || days < first.days) first = { file: certificate.file, days };
  }
  return first;
}

export const certLevel = (days: number): Level =>
  days < 0 ? "critical" : days < CERT_DAYS.warning ? "warning" : days < CERT_DAYS.notice ? "notice" : "ok";

export const certWords = (days: number): string =>
  days < 0 ? `ended ${shortDuration(-days * 86_400)} ago` : days === 0 ? "ends today" : `${days} d`;

function judge(row: MemberRow, offlineWhy: string): { level: Level; why: string } {
  const levels: Level[] = [];
  const words: string[] = [];
  const add = (level: Level, text: string) => {
    levels.push(level);
    words.push(text);
  };
  if (!row.online) add("critical", offlineWhy);
  if (row.state?.quorate === false) add("critical", "its cluster has no quorum");
  if (row.haLevel !== "ok" && row.online) add(row.haLevel, `high availability: ${row.ha}`);
  const end = row.nextEnd;
  if (end && certLevel(end.days) !== "ok")
    add(
      certLevel(end.days),
      end.days < 0
        ? `certificate ${end.file} has ended`
        : `certificate ${end.file} ends in ${plural(end.days, "day")}`,
    );
  if ((row.updates?.security ?? 0) > 0) add("notice", plural(row.updates?.security ?? 0, "security update"));
  if (row.updates?.rebootNeeded) add("notice", "a reboot is needed");
  const why = words.join(", ");
  return {
    level: worst(levels),
    why: why ? why.charAt(0).toUpperCase() + why.slice(1) : "Online, nothing to do",
  };
}

export function makeMember(
  member: { node: string; nodeId?: number; ip?: string; online?: boolean; votes?: number | null },
  state: ClusterResource | undefined,
  node: NodeRow | undefined,
  at: number,
): MemberRow {
  const ha = state?.ha?.nodes.find((n) => n.node === member.node)?.state ?? "";
  const certificates = node?.raw.certificates ?? [];
  const online = (member.online ?? true) && !(node?.offline ?? false);
  const row: MemberRow = {
    id: node?.id ?? `${state?.instance ?? ""}-${member.node}`,
    name: member.node,
    sortName: naturalKey(member.node),
    cluster: state?.name ?? (node?.place === "standalone" ? "" : (node?.place ?? "")),
    instance: state?.instance ?? node?.instance ?? "",
    state,
    node,
    online,
    votes: member.votes ?? null,
    ip: member.ip ?? "",
    ha,
    haLevel: haLevel(ha),
    updates: node?.raw.updates,
    certificates,
    nextEnd: endOf(certificates, at),
    version: node ? versionOf(node.raw) : "",
    kernel: /\d+\.\d+\S*/.exec(node?.raw.kernelVersion ?? "")?.[0] ?? "",
    level: "ok",
    why: "",
    haystack: [
      member.node,
      state?.name,
      node?.instance,
      member.ip,
      ha,
      ...(node?.raw.updates?.packages ?? []),
    ]
      .filter(Boolean)
      .join("\n")
      .toLowerCase(),
  };
  return Object.assign(
    row,
    judge(row, node && !node.offline ? "Not in the cluster's membership" : "Does not answer"),
  );
}

/** Every node once: members of clusters first, then nodes on their own and those that no cluster lists. */
export function members(
  clusters: readonly ClusterResource[],
  nodes: readonly NodeRow[],
  at: number,
): MemberRow[] {
  const rows: MemberRow[] = [];
  const used = new Set<string>();
  for (const cluster of clusters)
    for (const member of cluster.members) {
      const node = nodes.find(
        (n) =>
          n.name === member.node && (n.instance === cluster.instance || n.raw.clusterName === cluster.name),
      );
      if (node) used.add(node.id);
      rows.push(makeMember(member, cluster, node, at));
    }
  for (const node of nodes)
    if (!used.has(node.id)) rows.push(makeMember({ node: node.name }, undefined, node, at));
  return rows;
}

/** "quorate · 5 of 6 votes, 4 needed · qdevice connected · HA master pve1" */
export function quorumWords(state: ClusterResource): string {
  const parts: string[] = [];
  parts.push(state.quorate === undefined ? "quorum not reported" : state.quorate ? "quorate" : "no quorum");
  if (state.totalVotes !== undefined && state.expectedVotes !== undefined)
    parts.push(
      `${state.totalVotes} of ${plural(state.expectedVotes, "vote")}${state.quorum ? `, ${state.quorum} needed` : ""}`,
    );
  const up = state.members.filter((m) => m.online).length;
  parts.push(`${up} of ${plural(state.members.length, "member")} online`);
  if (state.qdevice)
    parts.push(
      `qdevice ${state.qdevice.state.toLowerCase() || (state.qdevice.connected ? "connected" : "lost")}`,
    );
  if (state.ha?.master) parts.push(`HA master ${state.ha.master}`);
  return parts.join(" · ");
}
