/** What needs somebody, above a list: worst first, at most four; one calm line when nothing does. */
import { For, Show, type JSX } from "solid-js";
import { Status } from "@/components/Status";
import { Age } from "@/components/Values";
import { live } from "@/live/live";
import { LEVEL_ORDER, type Level } from "@/model/level";

export interface Concern {
  key: string;
  level: Level;
  title: string;
  detail: string;
  /** Unix ms since when, 0 when unknown. */
  since: number;
  /** Where it leads. */
  href: string;
  /** Instead of following the link. */
  open?: () => void;
}

export function summary(critical: number, warning: number): string {
  return [critical > 0 ? `${critical} critical` : "", warning > 0 ? `${warning} warning` : ""]
    .filter(Boolean)
    .join(", ");
}

export const unknownOf = (rows: readonly { level: Level }[]) =>
  rows.filter((row) => row.level === "unknown").length;

/** The rows of a list that are out of order, as concerns. */
export function rowConcerns<T extends { id: string; level: Level; why: string }>(
  rows: readonly T[],
  kind: string,
  say: (row: T) => { title: string; detail?: string; since?: number },
  open: (row: T) => void,
): Concern[] {
  return rows
    .filter((row) => row.level === "critical" || row.level === "warning")
    .sort((a, b) => LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level])
    .map((row) => {
      const words = say(row);
      return {
        key: row.id,
        level: row.level,
        title: words.title,
        detail: words.detail ?? row.why,
        since: words.since ?? 0,
        href: `?open=${encodeURIComponent(`${kind}:${row.id}`)}`,
        open: () => open(row),
      };
    });
}

export const follow = (concern: Concern) => (event: MouseEvent) => {
  if (!concern.open || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  concern.open();
};

export function Strip(props: {
  concerns: readonly Concern[];
  /** When nothing is wrong: what was looked at. */
  calm: JSX.Element;
  /** Things nobody has fresh evidence of: they are neither wrong nor fine. */
  unknown?: number;
  /** After the counts. */
  more?: JSX.Element;
}) {
  const count = (level: Level) => props.concerns.filter((c) => c.level === level).length;
  return (
    <Show
      when={props.concerns.length > 0}
      fallback={
        <section class="attn" data-calm aria-label="Attention">
          <Show
            when={!props.unknown}
            fallback={
              <>
                <Status level="unknown" decorative />
                <strong class="font-semibold whitespace-nowrap">{props.unknown} unknown</strong>
                <span class="muted trunc">No fresh report of these; nothing is wrong with the others.</span>
              </>
            }
          >
            <Status level="ok" decorative />
            <strong class="font-semibold whitespace-nowrap">
              {live.freshness() === "live" ? "Nothing needs you" : "Nothing needed you"}
            </strong>
            <span class="muted trunc">{props.calm}</span>
          </Show>
        </section>
      }
    >
      <section class="attn" aria-label="Attention">
        <div class="attn-items">
          <div class="attn-sum">
            <strong>
              {props.concerns.length} {props.concerns.length === 1 ? "needs" : "need"} attention
            </strong>
            <span class="muted text-xs trunc">
              {summary(count("critical"), count("warning"))}
              {props.unknown ? ` · ${props.unknown} unknown` : ""}
              {props.more}
            </span>
          </div>
          <For each={props.concerns.slice(0, 4)}>
            {(concern) => (
              <a class="attn-item" href={concern.href} onClick={follow(concern)}>
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
