/** What stands where an answer is not there yet, or could not be had. */
import { For, Show, type JSX } from "solid-js";
import type { Asked } from "@/live/asked";
import { clockMinutes } from "@/format/format";
import { Button } from "./Button";
import { Note } from "./Status";

export function Asking<T>(props: {
  asked: Asked<T>;
  /** "The backups": begins the sentence of a failure. */
  what: string;
  children: (value: () => T) => JSX.Element;
}) {
  const value = () => props.asked.value();
  return (
    <Show
      when={value() !== undefined}
      fallback={
        <Show
          when={props.asked.failure()}
          fallback={
            <div class="p-6 grid gap-4" role="status" aria-label="Loading">
              <For each={[260, 420, 380, 400]}>{(w) => <i class="sk" style={{ width: `${w}px` }} />}</For>
            </div>
          }
        >
          <div class="empty" role="alert">
            <h2>{props.what} could not be read</h2>
            <p>{props.asked.failure()}</p>
            <div class="row">
              <Button kind="primary" pending={props.asked.busy()} onClick={() => void props.asked.again()}>
                Try again
              </Button>
            </div>
          </div>
        </Show>
      }
    >
      {props.children(value as () => T)}
    </Show>
  );
}

/** The last answer is still shown, but there is no newer one. */
export function AskedLate<T>(props: { asked: Asked<T>; what: string }) {
  return (
    <Show when={props.asked.failure() && props.asked.value() !== undefined}>
      <div class="late-note">
        <Note level="warning" role="status">
          {props.what} could not be read again: {props.asked.failure()} Shown as of{" "}
          {clockMinutes(new Date(props.asked.at()))}.{" "}
          <button type="button" class="linkish" onClick={() => void props.asked.again()}>
            Try again
          </button>
        </Note>
      </div>
    </Show>
  );
}
