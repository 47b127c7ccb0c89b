/** What both views of the backups share. */
import { useLocation, useNavigate } from "@solidjs/router";
import { createMemo, Show } from "solid-js";
import { ButtonLink } from "@/components/Button";
import { Segmented } from "@/components/Segmented";
import { live } from "@/live/live";
import { mayRead } from "@/session/session";
import type { GuestOf } from "./rows";

/** Backups are not on the live channel; it says when they changed. */
export const backupRevision = () => live.revisions().backups;
export const snapshotRevision = () => live.revisions().snapshots;
export const taskRevision = () => live.revisions().tasks;

/** Names of guests, by the instance that they are in. Changes when guests come, go or are renamed. */
export function guestLookup(): () => GuestOf {
  return createMemo(() => {
    const known = new Map(
      live
        .guests()
        .map((row) => [`${row.raw.instance}/${row.raw.vmid}`, { name: row.raw.name, node: row.raw.node }]),
    );
    return (instance: string, vmid: number) => known.get(`${instance}/${vmid}`);
  });
}

export function ViewSwitch(props: { view: "coverage" | "all" }) {
  const navigate = useNavigate();
  const location = useLocation();
  return (
    <Segmented
      label="View"
      value={props.view}
      onChange={(view) => {
        // Words mean other things in the other view; only the place is kept.
        if (!location.pathname.endsWith(view))
          navigate(view === "all" ? "/proxmox/backups/all" : "/proxmox/backups");
      }}
      options={[
        { value: "coverage", label: "Coverage" },
        { value: "all", label: "All backups" },
      ]}
    />
  );
}

export function Hint() {
  return (
    <Show when={mayRead("settings:write")}>
      <div class="row">
        <ButtonLink kind="primary" href="/settings/proxmox?add=pbs">
          Connect a Backup Server
        </ButtonLink>
        <ButtonLink href="/settings/diagnostics">What could not be read</ButtonLink>
      </div>
    </Show>
  );
}
