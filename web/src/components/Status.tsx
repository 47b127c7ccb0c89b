/** Status shapes: each is recognisable without its colour. */
import { Match, Show, Switch, type JSX } from "solid-js";
import { LEVEL_WORD, type Level } from "@/model/level";

export function Status(props: { level: Level; label?: string | undefined; decorative?: boolean }) {
  const label = () => props.label ?? LEVEL_WORD[props.level];
  return (
    <svg
      class="st"
      data-level={props.level}
      viewBox="0 0 12 12"
      role={props.decorative ? undefined : "img"}
      aria-hidden={props.decorative ? "true" : undefined}
      aria-label={props.decorative ? undefined : label()}
    >
      <Show when={!props.decorative}>
        <title>{label()}</title>
      </Show>
      <Switch>
        <Match when={props.level === "ok"}>
          <circle cx="6" cy="6" r="3" fill="currentColor" />
        </Match>
        <Match when={props.level === "notice"}>
          <circle cx="6" cy="6" r="3.4" fill="none" stroke="currentColor" stroke-width="1.8" />
        </Match>
        <Match when={props.level === "warning"}>
          <path d="M6 1.2 11.4 10.6H.6z" fill="currentColor" />
        </Match>
        <Match when={props.level === "critical"}>
          <rect x="1.4" y="1.4" width="9.2" height="9.2" rx="1" fill="currentColor" />
        </Match>
        <Match when={props.level === "off"}>
          <circle
            cx="6"
            cy="6"
            r="3.6"
            fill="none"
            stroke="currentColor"
            stroke-width="1.3"
            stroke-dasharray="1.6 1.65"
          />
        </Match>
        <Match when={props.level === "unknown"}>
          <circle cx="6" cy="6" r="4.6" fill="none" stroke="currentColor" />
          <path d="M2 7.6 7.6 2M3.2 9.6 9.6 3.2M5.4 10.4 10.4 5.4" stroke="currentColor" />
        </Match>
        <Match when={props.level === "paused"}>
          <path d="M3.2 2h2v8h-2zM6.8 2h2v8h-2z" fill="currentColor" />
        </Match>
      </Switch>
    </svg>
  );
}

export function Badge(props: { level?: Level; children: JSX.Element; title?: string }) {
  return (
    <span class="badge" data-level={props.level} title={props.title}>
      <Show when={props.level} keyed>
        {(level) => <Status level={level} decorative />}
      </Show>
      {props.children}
    </span>
  );
}

export function Note(props: { level?: Level; children: JSX.Element; role?: "alert" | "status" }) {
  return (
    <div class="note" data-level={props.level} role={props.role}>
      <Show when={props.level} keyed>
        {(level) => <Status level={level} decorative />}
      </Show>
      <div class="min-w-0 flex-1">{props.children}</div>
    </div>
  );
}
