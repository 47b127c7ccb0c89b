/** A task as the list shows it. Pure. */
import type { TaskResource } from "@/api/proxmox";
import type { Level } from "@/model/level";

export interface TaskRow {
  raw: TaskResource;
  id: string;
  /** What was done, in words. */
  name: string;
  /** What it was done to: a guest's name, a datastore, the node. */
  target: string;
  state: TaskResource["outcome"];
  level: Level;
  why: string;
  haystack: string;
}

const GUEST = "guest";

/** Proxmox's worker types in words. Types that are not listed are shown as they are. */
const WORDS: Record<string, string> = {
  qmstart: "Start",
  qmstop: "Stop",
  qmshutdown: "Shut down",
  qmreboot: "Reboot",
  qmreset: "Reset",
  qmsuspend: "Suspend",
  qmresume: "Resume",
  qmcreate: "Create",
  qmdestroy: "Destroy",
  qmclone: "Clone",
  qmmove: "Move a disk",
  qmigrate: "Migrate",
  qmrestore: "Restore",
  qmconfig: "Configure",
  qmtemplate: "Make a template",
  qmsnapshot: "Snapshot",
  qmdelsnapshot: "Delete a snapshot",
  qmrollback: "Roll back",
  vzstart: "Start",
  vzstop: "Stop",
  vzshutdown: "Shut down",
  vzreboot: "Reboot",
  vzcreate: "Create",
  vzdestroy: "Destroy",
  vzclone: "Clone",
  vzmigrate: "Migrate",
  vzrestore: "Restore",
  vzsnapshot: "Snapshot",
  vzdelsnapshot: "Delete a snapshot",
  vzrollback: "Roll back",
  vzdump: "Backup",
  vncproxy: "Console",
  vncshell: "Shell",
  termproxy: "Terminal",
  spiceproxy: "Console",
  startall: "Start all guests",
  stopall: "Stop all guests",
  migrateall: "Migrate all guests",
  aptupdate: "Refresh the package list",
  aptupgrade: "Upgrade packages",
  srvstart: "Start a service",
  srvstop: "Stop a service",
  srvrestart: "Restart a service",
  srvreload: "Reload a service",
  hastart: "HA start",
  hastop: "HA stop",
  hamigrate: "HA migrate",
  harelocate: "HA relocate",
  imgcopy: "Copy a volume",
  imgdel: "Delete a volume",
  download: "Download",
  upload: "Upload",
  zfscreate: "Create a ZFS pool",
  zfscrub: "Scrub a ZFS pool",
  cephcreateosd: "Create an OSD",
  cephdestroyosd: "Destroy an OSD",
  backup: "Backup",
  reader: "Read a backup",
  prune: "Prune",
  prunejob: "Prune job",
  garbage_collection: "Collect garbage",
  verificationjob: "Verify",
  verify: "Verify",
  verify_snapshot: "Verify a snapshot",
  verify_group: "Verify a group",
  syncjob: "Sync",
  logrotate: "Rotate logs",
};

export const taskWord = (type: string): string => WORDS[type] ?? type;

const LEVELS: Record<TaskResource["outcome"], Level> = {
  running: "notice",
  ok: "ok",
  warnings: "warning",
  failed: "critical",
  unknown: "unknown",
};

function why(raw: TaskResource): string {
  switch (raw.outcome) {
    case "running":
      return "Running";
    case "ok":
      return "Succeeded";
    case "warnings":
      return `Ended with ${raw.status
        .toLowerCase()
        .replace(/warnings: 1$/, "one warning")
        .replace(/warnings: (\d+)/, "$1 warnings")}`;
    case "failed":
      return raw.status || "Failed";
    default:
      return "The server does not know any more how it ended";
  }
}

/** `guestName` gives the name of a guest by its id where the guest is known. */
export function makeTask(
  raw: TaskResource,
  guestName: (instance: string, vmid: number) => string | undefined,
): TaskRow {
  const guest = raw.vmid ? guestName(raw.instance, raw.vmid) : undefined;
  const target = raw.vmid ? (guest ? `${guest} (${raw.vmid})` : `${GUEST} ${raw.vmid}`) : (raw.target ?? "");
  return {
    raw,
    id: raw.upid,
    name: taskWord(raw.type),
    target,
    state: raw.outcome,
    level: LEVELS[raw.outcome],
    why: why(raw),
    haystack: [taskWord(raw.type), raw.type, target, raw.node, raw.instance, raw.user, raw.status]
      .join("\n")
      .toLowerCase(),
  };
}

/** Running first, then what failed, then the rest; newest first within each. */
export const STATE_ORDER: Record<TaskResource["outcome"], number> = {
  running: 0,
  failed: 1,
  warnings: 2,
  unknown: 3,
  ok: 4,
};
