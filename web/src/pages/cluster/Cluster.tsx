import { useLocation } from "@solidjs/router";
import { Show } from "solid-js";
import { HaServices } from "./HaServices";
import { Nodes } from "./Nodes";

export default function Cluster() {
  const location = useLocation();
  return (
    <Show when={location.pathname.endsWith("/ha")} fallback={<Nodes />}>
      <HaServices />
    </Show>
  );
}
