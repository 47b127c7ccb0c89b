/** The tabs of the Proxmox pages, with the sums that hold on all of them. */
import { A, useLocation } from "@solidjs/router";
import { createMemo, For, Show, type JSX } from "solid-js";
import { Status } from "@/components/Status";
import { ScrollRow } from "@/components/ScrollRow";
import { createMedia } from "@/components/media";
import { bytesPair, clock } from "@/format/format";
import { now } from "@/live/clock";
import { troubleAt } from "@/live/estate";
import { live } from "@/live/live";
import type { Level } from "@/model/level";
import { isCurrent, isThere, PROXMOX } from "./places";

function Totals() {
  const disk = createMemo(() => {
    live.tick();
    let used = 0;
    let total = 0;
    for (const row of live.nodes()) {
      if (row.offline) continue;
      used += row.raw.disk?.used ?? 0;
      total += row.raw.disk?.total ?? 0;
    }
    return total > 0 ? bytesPair(used, total) : undefined;
  });
  return (
    <span class="sum">
      <Show when={live.loaded()}>
        <span>
          <b>{live.nodes().length}</b> {live.nodes().length === 1 ? "node" : "nodes"}
        </span>
        <span>
          <b>{live.guests().length}</b> {live.guests().length === 1 ? "guest" : "guests"}
        </span>
        <Show when={disk()}>
          {(d) => (
            <span class="sum-disk" title="Root filesystems of the nodes that answer">
              <b>{d()[0]}</b> of {d()[1]} {d()[2]} used
            </span>
          )}
        </Show>
      </Show>
      <span>{clock(new Date(now()))}</span>
    </span>
  );
}

export default function ProxmoxLayout(props: { children?: JSX.Element }) {
  const location = useLocation();
  const phone = createMedia("(width < 640px)");
  return (
    <>
      <Show when={!phone()}>
        <nav class="sub" aria-label="Proxmox pages">
          <ScrollRow class="sub-tabs">
            <For each={PROXMOX}>
              {(place) => (
                <Show when={isThere(place, location.pathname)}>
                  <A
                    href={place.href}
                    aria-current={isCurrent(place, location.pathname) ? "page" : undefined}
                  >
                    {place.label}
                    <Show when={troubleAt(place.href)}>
                      {(level) => <Status level={level() as Level} label={`, ${level()}`} />}
                    </Show>
                  </A>
                </Show>
              )}
            </For>
          </ScrollRow>
          <Totals />
        </nav>
      </Show>
      {props.children}
    </>
  );
}
