/** What the credentials may not read, and the privilege that would let them: why a list is empty or has holes. */
import { createMemo, For, Show } from "solid-js";
import type { InstanceResource, PermissionGap } from "@/api/proxmox";
import { Note } from "@/components/Status";
import { Age } from "@/components/Values";
import { live } from "@/live/live";

export interface Gap extends PermissionGap {
  instance: string;
  /** All nodes of the instance with the same gap. */
  nodes: string[];
}

/** The configured connections and how they do. */
export const instances = () => (live.rest("instances") ?? []) as InstanceResource[];

/** The gaps whose capability matches, one for each instance and privilege. */
export function gapsOf(capability: RegExp): Gap[] {
  const found = new Map<string, Gap>();
  for (const instance of instances())
    for (const gap of instance.gaps ?? []) {
      if (!capability.test(gap.capability)) continue;
      const key = `${instance.name} ${gap.capability} ${gap.privilege}`;
      const known = found.get(key) ?? { ...gap, instance: instance.name, nodes: [] };
      if (gap.node) known.nodes.push(gap.node);
      found.set(key, known);
    }
  return [...found.values()];
}

export function GapNote(props: { capability: RegExp }) {
  const gaps = createMemo(() => gapsOf(props.capability));
  return (
    <Show when={gaps().length > 0}>
      <div class="gap-note">
        <Note level="notice">
          <For each={gaps()}>
            {(gap) => (
              <div>
                {gap.instance}
                {gap.nodes.length > 0 ? ` (${gap.nodes.join(", ")})` : ""}: {gap.capability} may not be read.
                <Show when={gap.privilege} fallback=" The account that Pulse uses was refused.">
                  {" "}
                  Grant <span class="mono">{gap.privilege}</span> to the account that Pulse uses.
                </Show>{" "}
                <span class="muted">
                  Refused <Age at={gap.lastSeen} />.
                </span>
              </div>
            )}
          </For>
        </Note>
      </div>
    </Show>
  );
}
