/** What both views of the backups share. */
import { useLocation, useNavigate } from "@solidjs/router";
import { Show } from "solid-js";
import { ButtonLink } from "@/components/Button";
import { Segmented } from "@/components/Segmented";
import { live } from "@/live/live";
import { mayRead } from "@/session/session";

/** Backups are not on the live channel; it says when they changed. */
export const backupRevision = () => live.revision("backups");

export function ViewSwitch(props: { view: "coverage" | "all" }) {
  const navigate = useNavigate();
  const location = useLocation();
  return (
    <Segmented
      label="View"
      value={props.view}
      onChange={(view) => {
        // Words mean other things in the other view; only the place is kept.
        if (!location.pathname.endsWith(view)) navigate(view === "all" ? "/proxmox/backups/all" : "/proxmox/backups");
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
