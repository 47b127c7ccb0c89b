/** Where one can go, and when a place exists. Optional places appear with their first data. */
import type { IconName } from "@/components/Icon";
import { live } from "@/live/live";
import type { CollectionName } from "@/live/replica";

export interface Place {
  href: string;
  label: string;
  icon: IconName;
  /** Part of the path that marks this place as current. Default: `href`. */
  under?: string;
  /** Absent: always there. */
  exists?: () => boolean;
}

const some = (kind: CollectionName) => () => live.list(kind).length > 0;

/** The pages of Proxmox, in the order of their tabs. */
export const PROXMOX: readonly Place[] = [
  { href: "/proxmox/overview", label: "Overview", icon: "home" },
  { href: "/proxmox/storage", label: "Storage", icon: "disk" },
  { href: "/proxmox/backups", label: "Backups", icon: "shield" },
  { href: "/proxmox/cluster", label: "Cluster", icon: "nodes" },
  { href: "/proxmox/tasks", label: "Tasks", icon: "list" },
  { href: "/proxmox/replication", label: "Replication", icon: "copy", exists: some("replicationJobs") },
  { href: "/proxmox/ceph", label: "Ceph", icon: "ceph", exists: some("cephClusters") },
  { href: "/proxmox/mail", label: "Mail", icon: "mail", exists: some("pmg") },
];

export const PLATFORMS: readonly Place[] = [
  { href: "/proxmox/overview", label: "Proxmox", icon: "pve", under: "/proxmox" },
  { href: "/hosts", label: "Hosts", icon: "host" },
];

export const SETTINGS: Place = { href: "/settings", label: "Settings", icon: "gear" };

/** Where a thumb reaches on a phone; the rest is behind "More". */
const GUESTS: Place = { href: "/proxmox/guests", label: "Guests", icon: "pve" };
const ON_BAR = ["/proxmox/overview", "/proxmox/storage", "/proxmox/backups", "/proxmox/cluster"];

export const isCurrent = (place: Place, path: string) => path.startsWith(place.under ?? place.href);

/** An optional place stays while one is on it. */
export const isThere = (place: Place, path: string) =>
  !place.exists || place.exists() || isCurrent(place, path);

export function phonePlaces(path: string, more: readonly Place[]): { bar: Place[]; more: Place[] } {
  const there = PROXMOX.filter((place) => isThere(place, path));
  const bar = there.filter((place) => ON_BAR.includes(place.href)).slice(0, 3);
  const hosts = PLATFORMS.filter((place) => place.href === "/hosts");
  return {
    bar: [...bar.slice(0, 1), GUESTS, ...bar.slice(1)],
    more: [...there.filter((place) => !bar.includes(place)), ...hosts, ...more],
  };
}
