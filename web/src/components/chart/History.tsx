import {
  createEffect,
  createMemo,
  createSignal,
  For,
  Match,
  onCleanup,
  onMount,
  Show,
  Switch,
} from "solid-js";
import type uPlot from "uplot";
import * as api from "@/api/api";
import { createAsk } from "@/api/ask";
import { errorText } from "@/api/client";
import { Button } from "@/components/Button";
import { Segmented } from "@/components/Segmented";
import { bytes, dayAndTime, percent, UNKNOWN } from "@/format/format";
import type { HistoryPoint } from "@/api/types";
import type { Limit } from "@/model/level";
import { toPanel, valueAt, type Panel } from "./series";

const RANGES = ["1h", "6h", "24h", "7d", "30d", "90d"] as const;
type Range = (typeof RANGES)[number];
const WORDS: Record<Range, string> = {
  "1h": "Last hour",
  "6h": "Last 6 hours",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
  "90d": "Last 90 days",
};

interface ChartSpec {
  key: string;
  title: string;
  names: string[];
  panels: Panel[];
  percent: boolean;
  limit: number | undefined;
}

const since = (seconds: number) => {
  const at = new Date(seconds * 1000);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString("en-GB", {
    ...(today ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
  });
};

/** What somebody chose; else the smallest range that covers the data. */
const [chosen, setChosen] = createSignal<Range>();

/** A day is asked for first: of a young installation most of it would be empty. */
function coveringRange(answer: { end: number; metrics: Record<string, HistoryPoint[]> }): Range {
  let oldest = answer.end;
  for (const points of Object.values(answer.metrics))
    oldest = Math.min(oldest, points[0]?.timestamp ?? oldest);
  const hours = (answer.end - oldest) / 3_600_000;
  return hours > 6 ? "24h" : hours > 1 ? "6h" : "1h";
}

/** One panel of the history: which series it shows and how. */
export interface HistoryChart {
  key: string;
  title: string;
  /** Metric and the name of its line. */
  lines: readonly (readonly [metric: string, name: string])[];
  percent: boolean;
  limit?: number;
}

/** What nodes, guests and hosts have. */
export const machineCharts = (limits: { cpu: Limit; mem: Limit; disk: Limit }): HistoryChart[] => [
  { key: "cpu", title: "CPU", lines: [["cpu", "CPU"]], percent: true, limit: limits.cpu.warning },
  { key: "mem", title: "Memory", lines: [["memory", "Memory"]], percent: true, limit: limits.mem.warning },
  { key: "disk", title: "Disk", lines: [["disk", "Disk"]], percent: true, limit: limits.disk.warning },
  {
    key: "net",
    title: "Network",
    lines: [
      ["netin", "In"],
      ["netout", "Out"],
    ],
    percent: false,
  },
  {
    key: "io",
    title: "Disk IO",
    lines: [
      ["diskread", "Read"],
      ["diskwrite", "Write"],
    ],
    percent: false,
  },
];

const say = (value: number | null, isPercent: boolean): string => {
  if (value === null) return UNKNOWN;
  if (isPercent) return `${percent(value)} %`;
  const [n, unit] = bytes(value);
  return `${n} ${unit}/s`;
};

function Plot(props: {
  chart: ChartSpec;
  start: number;
  end: number;
  width: number;
  axis: boolean;
  sync: string;
  theme: number;
  onCursor: (t: number | null, left: number) => void;
}) {
  let root: HTMLDivElement | undefined;
  let plot: uPlot | undefined;
  let alive = true;
  createEffect(() => {
    const { chart, start, end, width, axis, sync } = props;
    void props.theme;
    if (width < 60) return;
    void import("./plot").then(({ makePlot }) => {
      if (!alive || !root) return;
      plot?.destroy();
      plot = makePlot(root, width, {
        panels: chart.panels,
        percent: chart.percent,
        limit: chart.limit,
        start,
        end,
        height: (chart.percent ? 58 : 50) + (axis ? 18 : 0),
        axis,
        sync,
        onCursor: props.onCursor,
      });
    });
  });
  onCleanup(() => {
    alive = false;
    plot?.destroy();
  });
  return (
    <div ref={root} style={{ height: `${(props.chart.percent ? 58 : 50) + (props.axis ? 18 : 0)}px` }} />
  );
}

export default function History(props: { type: string; id: string; charts: readonly HistoryChart[] }) {
  const [fitting, setFitting] = createSignal<{ id: string; range: Range }>();
  /** Asked for: the choice, else what was found to fit, else a day. */
  const range = () => chosen() ?? (fitting()?.id === props.id ? (fitting()?.range ?? "24h") : "24h");
  const settled = () => chosen() !== undefined || fitting()?.id === props.id;
  const question = () => [props.type, props.id, range()].join("\n");
  const asked = createAsk(question, async (text) => {
    const [type = "", id = "", wanted = ""] = text.split("\n");
    return { id, answer: await api.history(type, id, wanted) };
  });
  /** While another range is asked for, the last one stays on screen. */
  const fresh = createMemo<Awaited<ReturnType<typeof api.history>> | undefined>((before) => {
    if (asked.error()) return undefined;
    const current = asked.answer();
    if (current) return current.id === props.id ? current.answer : undefined;
    return before?.resourceId === props.id ? before : undefined;
  });
  createEffect(() => {
    const answer = fresh();
    if (answer && !settled()) setFitting({ id: props.id, range: coveringRange(answer) });
  });
  const timer = setInterval(() => {
    if (document.visibilityState !== "hidden" && !asked.loading()) asked.again();
  }, 60_000);
  onCleanup(() => clearInterval(timer));

  const [theme, setTheme] = createSignal(0);
  const observer = new MutationObserver(() => setTheme((n) => n + 1));
  observer.observe(document.documentElement, {
    attributes: true,
    attributeFilter: ["data-theme", "data-contrast"],
  });
  onCleanup(() => observer.disconnect());

  let box: HTMLDivElement | undefined;
  const [width, setWidth] = createSignal(0);
  onMount(() => {
    if (!box) return;
    const sizes = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    sizes.observe(box);
    onCleanup(() => sizes.disconnect());
  });

  const span = createMemo(() => {
    const h = fresh();
    return { start: h?.start ?? 0, end: h?.end ?? 0 };
  });
  const charts = createMemo<ChartSpec[]>(() => {
    const h = fresh();
    if (!h) return [];
    const panel = (name: string) => toPanel(h.metrics[name] ?? [], h.start, h.end, h.step);
    const list: ChartSpec[] = props.charts.map((chart) => ({
      key: chart.key,
      title: chart.title,
      names: chart.lines.map(([, name]) => name),
      panels: chart.lines.map(([metric]) => panel(metric)),
      percent: chart.percent,
      limit: chart.limit,
    }));
    return list.filter((chart) => chart.panels.some((p) => p.x.length > 0));
  });

  const [cursor, setCursor] = createSignal<{ t: number; left: number }>();
  const sync = `history-${Math.random()}`;
  const onCursor = (t: number | null, left: number) => setCursor(t === null ? undefined : { t, left });
  const last = (panel: Panel) => panel.value.findLast((v) => v !== null) ?? null;
  const spoken = () =>
    charts()
      .map((c) => `${c.title} ${c.panels.map((p) => say(last(p), c.percent)).join(" and ")}`)
      .join(", ");

  const keys = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step || !box) return;
    event.preventDefault();
    event.stopPropagation();
    const { start, end } = span();
    const inner = Math.max(1, width() - 38);
    const left = Math.max(0, Math.min(inner, (cursor()?.left ?? inner) + step * 6));
    setCursor({ t: (start + (left / inner) * (end - start)) / 1000, left });
  };

  return (
    <section class="dsec">
      <h3>
        {WORDS[range()]}
        <span class="spacer" />
        <Segmented
          label="Range"
          size="sm"
          value={range()}
          onChange={(value) => setChosen(value)}
          options={RANGES.map((value) => ({ value, label: value.replace(/(\d+)(\w)/, "$1 $2") }))}
        />
      </h3>
      <div
        ref={box}
        class="chart"
        role="img"
        tabindex={0}
        aria-label={
          charts().length > 0 ? `History, ${WORDS[range()].toLowerCase()}. Now: ${spoken()}.` : "History"
        }
        onKeyDown={keys}
        onPointerLeave={() => setCursor(undefined)}
        onBlur={() => setCursor(undefined)}
        style={{ opacity: asked.loading() && fresh() ? 0.6 : 1 }}
      >
        <Switch>
          <Match when={asked.error()}>
            <div class="note" data-level="warning" role="alert">
              <span class="flex-1">The history could not be read: {errorText(asked.error())}</span>
              <Button size="sm" onClick={asked.again}>
                Try again
              </Button>
            </div>
          </Match>
          <Match when={!fresh()}>
            <div class="grid gap-3 py-3" role="status" aria-label="Loading the history">
              <For each={[0, 1, 2]}>{() => <i class="sk" style={{ width: "100%", height: "52px" }} />}</For>
            </div>
          </Match>
          <Match when={charts().length === 0}>
            <p class="muted py-4">
              No history in this range yet. It begins with the first report after Pulse was connected.
            </p>
          </Match>
          <Match when={charts().length > 0}>
            <For each={charts()}>
              {(chart, i) => (
                <>
                  <div class="chart-title">
                    {chart.title}
                    <For each={chart.panels}>
                      {(panel, n) => (
                        <span>
                          <Show when={chart.panels.length > 1}>
                            <i
                              class="inline-block align-middle mr-1"
                              style={{
                                width: "8px",
                                height: "0",
                                "border-top": `2px ${n() ? "dashed var(--cat-1)" : "solid var(--data)"}`,
                              }}
                            />
                            {chart.names[n()]?.toLowerCase()}{" "}
                          </Show>
                          <b
                            data-tone={
                              chart.limit !== undefined && (last(panel) ?? 0) >= chart.limit
                                ? "warning"
                                : undefined
                            }
                          >
                            {say(last(panel), chart.percent)}
                          </b>
                        </span>
                      )}
                    </For>
                    <Show when={i() === 0}>
                      <span class="muted ml-auto">
                        {[
                          chart.panels[0]?.began === undefined
                            ? ""
                            : `recorded since ${since(chart.panels[0].began)}`,
                          chart.panels[0]?.gaps.length ? "hatched: no data" : "",
                        ]
                          .filter(Boolean)
                          .join(", ")}
                      </span>
                    </Show>
                  </div>
                  <Plot
                    chart={chart}
                    start={span().start}
                    end={span().end}
                    width={width()}
                    axis={i() === charts().length - 1}
                    sync={sync}
                    theme={theme()}
                    onCursor={onCursor}
                  />
                </>
              )}
            </For>
            <Show when={cursor()}>
              {(c) => (
                <div
                  class="chart-tip"
                  aria-live="polite"
                  style={{
                    top: "22px",
                    left: c().left > width() / 2 ? `${c().left + 34 - 150}px` : `${c().left + 34 + 12}px`,
                  }}
                >
                  <strong class="font-semibold">{dayAndTime(new Date(c().t * 1000))}</strong>
                  <For each={charts()}>
                    {(chart) => (
                      <For each={chart.panels}>
                        {(panel, n) => (
                          <div>
                            <span>{chart.names[n()]}</span>
                            <b>{say(valueAt(panel, c().t), chart.percent)}</b>
                          </div>
                        )}
                      </For>
                    )}
                  </For>
                </div>
              )}
            </Show>
          </Match>
        </Switch>
      </div>
    </section>
  );
}
