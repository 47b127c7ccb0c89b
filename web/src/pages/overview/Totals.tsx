import { createMemo, Show } from "solid-js";
import { bytesPair, clock } from "@/format/format";
import { now } from "@/live/clock";
import { live } from "@/live/live";

export function Totals() {
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
            <span title="Root filesystems of the nodes that answer">
              <b>{d()[0]}</b> of {d()[1]} {d()[2]} used
            </span>
          )}
        </Show>
      </Show>
      <span>{clock(new Date(now()))}</span>
    </span>
  );
}
