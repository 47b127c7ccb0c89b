/** Times that are still to come. */
import { Show } from "solid-js";
import { absolute, shortDuration, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";

/** "in 5 min", "now"; past times are late. */
export function When(props: { at: number | null; lateAs?: string }) {
  const seconds = () => ((props.at ?? 0) - live.serverNow()) / 1000;
  return (
    <Show when={props.at !== null && props.at > 0} fallback={<span class="muted">{UNKNOWN}</span>}>
      <time datetime={new Date(props.at ?? 0).toISOString()} title={absolute(new Date(props.at ?? 0))}>
        {seconds() > 0
          ? `in ${shortDuration(seconds())}`
          : -seconds() < 60
            ? "now"
            : `${shortDuration(-seconds())} ${props.lateAs ?? "late"}`}
      </time>
    </Show>
  );
}
