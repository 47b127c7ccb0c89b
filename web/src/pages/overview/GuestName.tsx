import { Show } from "solid-js";
import { Icon } from "@/components/Icon";
import { Badge } from "@/components/Status";
import { guestLink } from "@/live/links";
import type { GuestRow } from "@/model/guest";
import { safeUrl } from "@/model/node";

/** A guest's name, its own address, and what holds it. */
export function GuestName(props: { row: () => GuestRow }) {
  const r = () => props.row();
  return (
    <span class="row" style={{ gap: "6px" }}>
      <span class="nm trunc">{r().name}</span>
      <Show when={safeUrl(guestLink(r().id))} keyed>
        {(url) => (
          <a
            class="muted"
            href={url}
            target="_blank"
            rel="noreferrer noopener"
            tabindex={-1}
            aria-label={`Open ${r().name}`}
            title={url}
            onClick={(event) => event.stopPropagation()}
          >
            <Icon name="ext" small />
          </a>
        )}
      </Show>
      <Show when={r().raw.lock} keyed>
        {(lock) => (
          <Badge title={`Locked by ${lock}`}>
            <Icon name="lock" small />
            {lock}
          </Badge>
        )}
      </Show>
    </span>
  );
}
