/** Whether what is on screen is true right now, in one word in the header and one line under it. */
import { createEffect, createMemo, createSignal, on, Show } from "solid-js";
import { Button } from "@/components/Button";
import { Status } from "@/components/Status";
import { absolute, clock, duration, shortDuration } from "@/format/format";
import { now } from "@/live/clock";
import { live } from "@/live/live";

function retryText(): string {
  if (live.phase() === "connecting") return "Connecting";
  const seconds = Math.max(0, Math.ceil((live.nextTryAt() - now()) / 1000));
  return seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting";
}

export function LiveIndicator(props: { short?: boolean }) {
  return (
    <span
      class="live"
      data-tone={live.freshness() === "live" || live.freshness() === "connecting" ? undefined : "warning"}
    >
      <Show
        when={live.freshness() === "live"}
        fallback={
          <>
            <Status level={live.freshness() === "connecting" ? "off" : "warning"} decorative />
            {live.freshness() === "stale" ? `No news for ${shortDuration(live.age())}` : retryText()}
          </>
        }
      >
        <Status level="ok" decorative />
        <span title={absolute(new Date(live.dataAt()))}>
          {props.short ? "" : "Live · "}
          {shortDuration(live.age())}
        </span>
      </Show>
    </span>
  );
}

export function ConnectionBanner() {
  const trouble = createMemo(
    () => live.loaded() && (live.freshness() === "lost" || live.freshness() === "stale"),
  );
  const neverLoaded = createMemo(() => !live.loaded() && live.freshness() === "lost");
  // Said once when the connection goes and once when it is back; not with every second that passes.
  const [said, setSaid] = createSignal("");
  createEffect(
    on(
      trouble,
      (bad, before) => {
        if (bad) setSaid("The connection to Pulse is lost. Showing the last known data.");
        else if (before) setSaid("Live again.");
      },
      { defer: true },
    ),
  );
  return (
    <div>
      <div class="sr" role="alert">
        {said()}
      </div>
      <Show when={trouble()}>
        <div class="banner">
          <Status level="warning" decorative />
          <span class="min-w-0">
            <b>Not live.</b> This is {clock(new Date(live.dataAt()))}, {duration(live.age())} ago.
          </span>
          <span class="spacer" />
          <Button size="sm" onClick={live.reconnect}>
            Reconnect now
          </Button>
        </div>
      </Show>
      <Show when={neverLoaded()}>
        <div class="banner" data-level="critical">
          <Status level="critical" decorative />
          <span class="min-w-0">
            <b>No live data.</b> The connection to the server could not be opened.
          </span>
          <span class="spacer" />
          <Button size="sm" onClick={live.reconnect}>
            Try now
          </Button>
        </div>
      </Show>
    </div>
  );
}
