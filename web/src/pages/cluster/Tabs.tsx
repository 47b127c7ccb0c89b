import { useLocation, useNavigate } from "@solidjs/router";
import { Segmented } from "@/components/Segmented";
import { live } from "@/live/live";

export function ClusterTabs() {
  const location = useLocation();
  const navigate = useNavigate();
  const services = () => live.list("clusters").reduce((sum, c) => sum + (c.ha?.services.length ?? 0), 0);
  return (
    <Segmented
      label="Part of the cluster"
      value={location.pathname.endsWith("/ha") ? "/proxmox/cluster/ha" : "/proxmox/cluster"}
      onChange={(href) => navigate(href)}
      options={[
        { value: "/proxmox/cluster", label: `Nodes ${live.nodes().length}` },
        { value: "/proxmox/cluster/ha", label: `HA services ${services()}` },
      ]}
    />
  );
}
