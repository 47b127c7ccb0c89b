import { useLocation } from "@solidjs/router";
import { Match, Switch } from "solid-js";
import { Disks } from "./Disks";
import { Pools } from "./Pools";
import { Zfs } from "./Zfs";

export default function Storage() {
  const location = useLocation();
  const at = (end: string) => location.pathname.endsWith(end);
  return (
    <Switch fallback={<Pools />}>
      <Match when={at("/disks")}>
        <Disks />
      </Match>
      <Match when={at("/zfs")}>
        <Zfs />
      </Match>
    </Switch>
  );
}
