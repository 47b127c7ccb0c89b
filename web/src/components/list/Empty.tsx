/** Why a list has no rows, and the way forward. Waiting and failing sources come before "there is none". */
import { createMemo, For, Show, type JSX } from "solid-js";
import { ButtonLink } from "@/components/Button";
import { SignalArt } from "@/components/Icon";
import { live } from "@/live/live";
import { mayRead } from "@/session/session";
import { gapsOf, instances } from "./Gaps";

export function Empty(props: {
  title: string;
  /** Which gaps would explain it. */
  capability: RegExp;
  /** Words when everything could be read and there is nothing. */
  children: JSX.Element;
}) {
  const pve = createMemo(() => instances().filter((i) => i.type === "pve"));
  const failing = () => pve().filter((i) => i.health === "error");
  const waiting = () => pve().length > 0 && pve().every((i) => i.health === "pending");
  const gaps = createMemo(() => gapsOf(props.capability));
  const connected = () => live.nodes().length > 0 || pve().length > 0;
  return (
    <div class="empty">
      <SignalArt />
      <Show
        when={connected()}
        fallback={
          <>
            <h2>Connect Proxmox first</h2>
            <p>{props.title}, because no Proxmox server is connected.</p>
            <Show when={mayRead("settings:write")}>
              <div class="row">
                <ButtonLink kind="primary" href="/settings/proxmox?add=pve">
                  Connect Proxmox
                </ButtonLink>
              </div>
            </Show>
          </>
        }
      >
        <h2>{waiting() ? "The first answer is on its way" : props.title}</h2>
        <For each={failing()}>
          {(instance) => (
            <p>
              <b class="font-semibold">{instance.name}</b> does not answer:{" "}
              {instance.error ?? "no reason reported"}
            </p>
          )}
        </For>
        <For each={gaps()}>
          {(gap) => (
            <p>
              <b class="font-semibold">{gap.instance}</b> refuses {gap.capability}
              {gap.nodes.length > 0 ? ` of ${gap.nodes.join(", ")}` : ""}.
              <Show when={gap.privilege}>
                {" "}
                Grant <span class="mono">{gap.privilege}</span> to the account that Pulse uses.
              </Show>
            </p>
          )}
        </For>
        <Show when={failing().length === 0 && gaps().length === 0 && !waiting()}>
          <p>{props.children}</p>
        </Show>
        <Show when={(failing().length > 0 || gaps().length > 0) && mayRead("settings:read")}>
          <div class="row">
            <ButtonLink href="/settings/proxmox">Connections</ButtonLink>
          </div>
        </Show>
      </Show>
    </div>
  );
}
