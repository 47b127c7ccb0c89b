/** The kinds of storage: places of their own, so that a link leads to each. */
import { useLocation, useNavigate } from "@solidjs/router";
import { Segmented } from "@/components/Segmented";
import { live } from "@/live/live";

const TABS = [
  { value: "/proxmox/storage", label: "Storages", of: "storage" },
  { value: "/proxmox/storage/disks", label: "Disks", of: "physicalDisks" },
  { value: "/proxmox/storage/zfs", label: "ZFS", of: "zfsPools" },
] as const;

export function StorageTabs() {
  const location = useLocation();
  const navigate = useNavigate();
  const count = (tab: (typeof TABS)[number]) => live.list(tab.of).length;
  return (
    <Segmented
      label="Kind of storage"
      value={TABS.find((tab) => tab.value === location.pathname)?.value ?? "/proxmox/storage"}
      onChange={(href) => navigate(href)}
      options={TABS.map((tab) => ({ value: tab.value, label: `${tab.label} ${count(tab)}` }))}
    />
  );
}
