import { Show } from "solid-js";
import { Strip, type Concern as Shown } from "@/components/list/Strip";
import { plural } from "@/format/format";
import type { Concern } from "./attention";
import type { OverviewState } from "./controller";

/** A concern as the strip shows it: it opens details where there are some. */
export const shownConcern = (page: OverviewState, concern: Concern): Shown => {
  const { open, href, ...rest } = concern;
  if (!open) return { ...rest, href: href ?? "/settings/proxmox" };
  const at = open.indexOf(":");
  return {
    ...rest,
    href: `?open=${encodeURIComponent(open)}`,
    open: () => page.openDetails(open.slice(0, at) as "guest" | "node", open.slice(at + 1)),
  };
};

export function AttentionStrip(props: { page: OverviewState; total: number }) {
  const a = () => props.page.attention();
  return (
    <Strip
      concerns={a().concerns.map((concern) => shownConcern(props.page, concern))}
      calm={`All nodes answer, ${plural(props.total, "guest")} are within their limits, storage and clusters report no problem.`}
      more={
        <Show when={a().folded > 0}>
          <span class="p2" title={`${plural(a().folded, "guest")} of nodes that do not answer`}>
            {" "}
            · {a().folded} folded
          </span>
        </Show>
      }
    />
  );
}
