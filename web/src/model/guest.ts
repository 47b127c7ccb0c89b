import type { GuestResource } from "@/api/types";
import { naturalKey } from "@/format/format";
import { isStale, LIMITS, over, worst, type Context, type Level, type Over } from "./level";

export type Power = "running" | "off" | "paused" | "unknown";

/** One guest as the tables use it: derived once per update, read many times. */
export interface GuestRow {
  raw: GuestResource;
  id: string;
  kind: "VM" | "CT";
  vmid: number;
  name: string;
  node: string;
  instance: string;
  pool: string;
  tags: string[];
  power: Power;
  level: Level;
  /** Words for `level` when they are not obvious. */
  why: string;
  cpu: number | null;
  mem: number | null;
  disk: number | null;
  cpuOver: Over;
  memOver: Over;
  diskOver: Over;
  memTotal: number;
  memUsed: number;
  diskTotal: number;
  diskUsed: number;
  netIn: number | null;
  netOut: number | null;
  read: number | null;
  write: number | null;
  uptime: number | null;
  /** Unix ms of the last backup. */
  backup: number | null;
  lastSeen: number;
  /** Lower case, everything that plain words are matched against. */
  haystack: string;
  /** Compares as people count: web-2 before web-10. */
  sortName: string;
}

export function splitTags(tags: string | string[] | undefined): string[] {
  const list = Array.isArray(tags) ? tags : (tags ?? "").split(/[,;]/);
  return list.map((tag) => tag.trim()).filter(Boolean);
}

export function makeGuestRow(raw: GuestResource, previous?: GuestRow): GuestRow {
  const tags = splitTags(raw.tags);
  const kind = raw.type === "qemu" ? "VM" : "CT";
  const fixed = {
    raw,
    id: raw.id,
    kind,
    vmid: raw.vmid,
    name: raw.name || `${kind} ${raw.vmid}`,
    node: raw.node,
    instance: raw.instance,
    pool: raw.pool ?? "",
    tags,
    backup: raw.lastBackup && raw.lastBackup > 0 ? raw.lastBackup : null,
    haystack: [raw.name, raw.vmid, raw.node, raw.status, kind, ...tags, ...(raw.ipAddresses ?? [])]
      .join("\n")
      .toLowerCase(),
    sortName: naturalKey(raw.name),
  } as const;
  // Keeping the object keeps the selection, the focus and the row's DOM.
  if (previous) return Object.assign(previous, fixed);
  return {
    ...fixed,
    power: "unknown",
    level: "unknown",
    why: "",
    cpu: null,
    mem: null,
    disk: null,
    cpuOver: "",
    memOver: "",
    diskOver: "",
    memTotal: 0,
    memUsed: 0,
    diskTotal: 0,
    diskUsed: 0,
    netIn: null,
    netOut: null,
    read: null,
    write: null,
    uptime: null,
    lastSeen: 0,
  };
}

function powerOf(raw: GuestResource, unreachable: boolean): Power {
  if (unreachable) return "unknown";
  switch (raw.status) {
    case "running":
      return "running";
    case "stopped":
      return "off";
    case "paused":
    case "suspended":
    case "prelaunch":
      return "paused";
    default:
      return "unknown";
  }
}

export function updateGuestRow(row: GuestRow, ctx: Context) {
  const raw = row.raw;
  const nodeGone = ctx.offlineNodes.has(`${raw.instance}\u0000${raw.node}`);
  const stale = raw.stale === true || isStale(raw.lastSeen, ctx);
  const power = powerOf(raw, nodeGone || stale);
  const running = power === "running" || power === "paused";
  row.power = power;
  row.lastSeen = raw.lastSeen > 0 ? raw.lastSeen : 0;

  row.memTotal = raw.memory?.total ?? raw.maxmem;
  row.memUsed = raw.memory?.used ?? raw.mem;
  row.diskTotal = raw.disk?.total ?? 0;
  row.diskUsed = raw.disk?.used ?? 0;
  row.cpu = running ? raw.cpu * 100 : null;
  row.mem = running && row.memTotal > 0 ? (row.memUsed / row.memTotal) * 100 : null;
  const usage = raw.disk?.usage ?? -1;
  row.disk = power !== "unknown" && usage >= 0 && row.diskTotal > 0 && !raw.diskStatusReason ? usage : null;
  const rates = running && !raw.ioStatusReason;
  row.netIn = rates ? raw.networkIn : null;
  row.netOut = rates ? raw.networkOut : null;
  row.read = rates ? raw.diskRead : null;
  row.write = rates ? raw.diskWrite : null;
  row.uptime = running && raw.uptime > 0 ? raw.uptime : null;

  row.cpuOver = power === "running" ? over(row.cpu, LIMITS.guest.cpu) : "";
  row.memOver = power === "running" ? over(row.mem, LIMITS.guest.mem) : "";
  row.diskOver = power === "running" ? over(row.disk, LIMITS.guest.disk) : "";

  if (power === "unknown") {
    row.level = "unknown";
    row.why = nodeGone
      ? `${raw.node} does not answer`
      : stale
        ? "No fresh report"
        : `Status ${raw.status || "not reported"}`;
  } else if (power === "off") {
    row.level = "off";
    row.why = raw.template ? "Template" : "Stopped";
  } else if (power === "paused") {
    row.level = "paused";
    row.why = "Paused";
  } else {
    row.level = worst([row.cpuOver || "ok", row.memOver || "ok", row.diskOver || "ok"]);
    row.why =
      row.level === "ok"
        ? "Running"
        : `Over the limit: ${[row.cpuOver && "CPU", row.memOver && "memory", row.diskOver && "disk"].filter(Boolean).join(", ")}`;
  }
}

export const isProblem = (row: GuestRow): boolean => row.level === "warning" || row.level === "critical";

/** Why a VM has no disk figures, and what to do about it. */
const DISK_REASONS: Record<string, readonly [short: string, help: string]> = {
  "vm-stopped": ["stopped", "The VM is stopped; nothing can be read inside it."],
  "agent-disabled": [
    "guest agent is off",
    "Turn on the QEMU guest agent in the VM's options and install it inside the VM.",
  ],
  "agent-not-running": [
    "guest agent not running",
    "The guest agent is enabled but does not run. Start the qemu-guest-agent service inside the VM.",
  ],
  "no-agent": [
    "no guest agent",
    "Install the QEMU guest agent inside the VM and enable it in the VM's options.",
  ],
  "agent-timeout": [
    "guest agent is slow",
    "The guest agent did not answer in time. Restart it inside the VM.",
  ],
  "agent-error": [
    "guest agent error",
    "The guest agent answered with an error. Its log inside the VM says more.",
  ],
  "permission-denied": [
    "no permission",
    "Pulse's account may not ask the guest agent. Grant VM.GuestAgent.Audit (PVE 9) or VM.Monitor (PVE 8).",
  ],
  "no-filesystems": ["no filesystems", "The guest agent reported no filesystems."],
  "special-filesystems-only": [
    "only special filesystems",
    "The guest agent reported only virtual or read-only filesystems.",
  ],
  "no-status": ["not reported", "Proxmox did not report a status for this VM."],
};

export function diskReason(raw: GuestResource): readonly [short: string, help: string] | undefined {
  const reason = raw.diskStatusReason;
  if (!reason) return undefined;
  return DISK_REASONS[reason] ?? [reason.replaceAll("-", " "), `Reported reason: ${reason}.`];
}
