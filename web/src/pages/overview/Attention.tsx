import { For, Show } from "solid-js";
import { Status } from "@/components/Status";
import { Age } from "@/components/Values";
import { plural } from "@/format/format";
import { live } from "@/live/live";
import type { Concern } from "./attention";
import type { OverviewState } from "./controller";

export function summary(critical: number, warning: number): string {
  return [critical > 0 ? `${critical} critical` : "", warning > 0 ? `${warning} warning` : ""]
    .filter(Boolean)
    .join(", ");
}

function href(concern: Concern): string {
  return concern.open ? `?open=${encodeURIComponent(concern.open)}` : "/settings/proxmox";
}

export function openConcern(page: OverviewState, concern: Concern, event: MouseEvent) {
  if (!concern.open || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const at = concern.open.indexOf(":");
  page.openDetails(concern.open.slice(0, at) as "guest" | "node", concern.open.slice(at + 1));
}

export function AttentionStrip(props: { page: OverviewState; total: number }) {
  const a = () => props.page.attention();
  return (
    <Show
      when={a().concerns.length > 0}
      fallback={
        <section class="attn" data-calm aria-label="Attention">
          <Status level="ok" decorative />
          <strong class="font-semibold">
            {live.freshness() === "live" ? "Nothing needs you" : "Nothing needed you"}
          </strong>
          <span class="muted trunc">
            All nodes answer, and {plural(props.total, "guest")} are within their limits.
          </span>
        </section>
      }
    >
      <section class="attn" aria-label="Attention">
        <div class="attn-items">
          <div class="attn-sum">
            <strong>
              {a().concerns.length} {a().concerns.length === 1 ? "needs" : "need"} attention
            </strong>
            <span class="muted text-xs trunc">
              {summary(a().critical, a().warning)}
              <Show when={a().folded > 0}>
                <span class="p2" title={`${plural(a().folded, "guest")} of nodes that do not answer`}>
                  {" "}
                  · {a().folded} folded
                </span>
              </Show>
            </span>
          </div>
          <For each={a().concerns.slice(0, 4)}>
            {(concern) => (
              <a
                class="attn-item"
                href={href(concern)}
                onClick={(event) => openConcern(props.page, concern, event)}
              >
                <Status level={concern.level} />
                <span class="h">
                  <span class="trunc">{concern.title}</span>
                  <Show when={concern.since > 0}>
                    <Age at={concern.since} bare />
                  </Show>
                </span>
                <span class="d trunc">{concern.detail}</span>
              </a>
            )}
          </For>
        </div>
      </section>
    </Show>
  );
}
