/** Backups per day, stacked by source; a click on a day filters to it. */
import { createMemo, For, Show } from "solid-js";
import type { BackupSource, Day } from "@/api/backups";
import { day as dayText, plural } from "@/format/format";
import { countOf, dayOf, SOURCE_WORD } from "./rows";

const H = 84;
const STACK: readonly BackupSource[] = ["pbs", "pve", "snapshot", "pmg"];

/** A round number at or over the largest day. */
function ceiling(most: number): number {
  if (most <= 4) return 4;
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 8, 10].map((f) => f * step).find((v) => v >= most) ?? most;
}

export function Chart(props: {
  data: readonly Day[];
  /** The chosen day, or empty. */
  chosen: string;
  onDay: (day: string) => void;
}) {
  const totals = createMemo(() =>
    props.data.map((day) => STACK.reduce((sum, s) => sum + countOf(day, s), 0)),
  );
  const top = createMemo(() => ceiling(Math.max(0, ...totals())));
  const name = (day: Day) => dayOf(new Date(day.start));
  const label = (day: Day) => {
    const parts = STACK.map((s) => [SOURCE_WORD[s], countOf(day, s)] as const).filter(([, n]) => n > 0);
    return `${name(day)}: ${parts.map(([word, n]) => `${n} ${word}`).join(", ") || "none"}${
      day.failed ? `, ${day.failed} failed` : ""
    }`;
  };
  const marks = () => {
    const n = props.data.length;
    const every = Math.max(1, Math.ceil(n / 5));
    return props.data.flatMap((d, i) =>
      i % every === Math.floor(every / 2) ? [{ at: ((i + 0.5) / n) * 100, start: d.start }] : [],
    );
  };
  const used = () => STACK.filter((s) => props.data.some((day) => countOf(day, s) > 0));
  return (
    <>
      <div class="bk-key">
        <For each={used()}>
          {(s) => (
            <span>
              <i data-source={s} />
              {SOURCE_WORD[s]}
            </span>
          )}
        </For>
        <Show when={props.data.some((day) => day.failed > 0)}>
          <span>
            <i data-source="failed" />
            failed
          </span>
        </Show>
      </div>
      <div class="bk-chart">
        <div class="bk-axis" aria-hidden="true">
          <span>{top()}</span>
          <span>{top() / 2}</span>
          <span>0</span>
        </div>
        <div
          class="bk-bars"
          role="group"
          aria-label={`Backups per day, ${plural(props.data.length, "day")}`}
          style={{ "--bars-h": `${H}px` }}
          data-dense={props.data.length > 60 ? "" : undefined}
        >
          <For each={props.data}>
            {(day, i) => (
              <button
                type="button"
                class="bk-day"
                aria-label={label(day)}
                aria-pressed={props.chosen === name(day)}
                title={label(day)}
                tabindex={
                  (props.chosen ? props.chosen === name(day) : i() === props.data.length - 1) ? 0 : -1
                }
                onClick={() => props.onDay(name(day))}
                onKeyDown={(event) => {
                  const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
                  if (!step) return;
                  event.preventDefault();
                  event.stopPropagation();
                  const to = event.currentTarget.parentElement?.children[i() + step];
                  if (to instanceof HTMLElement) to.focus();
                }}
              >
                <For each={STACK}>
                  {(s) => (
                    <Show when={countOf(day, s) > 0}>
                      <i data-source={s} style={{ height: `${(countOf(day, s) / top()) * 100}%` }} />
                    </Show>
                  )}
                </For>
                <Show when={day.failed > 0}>
                  <em aria-hidden="true" />
                </Show>
              </button>
            )}
          </For>
          <For each={marks()}>
            {(mark) => (
              <span class="bk-mark" style={{ left: `${mark.at}%` }} aria-hidden="true">
                {dayText(new Date(mark.start))}
              </span>
            )}
          </For>
        </div>
      </div>
    </>
  );
}
