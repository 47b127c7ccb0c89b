/** Numbers in cells: percent with bar or trend, used / total, rates, ages. */
import { createMemo, Show, type JSX } from "solid-js";
import { absolute, ago, bytes, bytesPair, percent, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import type { Limit, Over } from "@/model/level";
import { prefs } from "@/prefs/prefs";

export interface Series {
  /** Ascending, Unix ms. */
  times: number[];
  /** Percent; null is a gap. */
  values: (number | null)[];
}

export function Bar(props: { value: number | null; limit?: Limit | undefined; extra?: number }) {
  return (
    <span class="bar">
      <Show when={props.extra}>
        <s style={{ width: `${Math.min(100, (props.value ?? 0) + (props.extra ?? 0))}%` }} />
      </Show>
      <Show when={props.value !== null}>
        <i style={{ width: `${Math.max(0, Math.min(100, props.value ?? 0))}%` }} />
      </Show>
      <Show when={props.limit && props.limit.warning < 100}>
        <em style={{ left: `${props.limit?.warning ?? 0}%` }} />
      </Show>
    </span>
  );
}

const W = 56;
const H = 18;

function sparkPaths(series: Series, limit: Limit | undefined) {
  const { times, values } = series;
  const first = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 0) - first);
  const step = span / Math.max(1, times.length - 1);
  let line = "";
  let area = "";
  let hot = "";
  let run: string[] = [];
  let hotRun: string[] = [];
  const endHot = () => {
    if (hotRun.length > 1) hot += `M${hotRun.join("L")}`;
    hotRun = [];
  };
  const end = () => {
    const a = run[0];
    const z = run.at(-1);
    if (a && z && run.length > 1) {
      line += `M${run.join("L")}`;
      area += `M${a.split(" ")[0]} ${H}L${run.join("L")}L${z.split(" ")[0]} ${H}Z`;
    }
    run = [];
    endHot();
  };
  let previous = first;
  for (const [i, value] of values.entries()) {
    const at = times[i] ?? 0;
    if (value === null || at - previous > step * 3.5) end();
    previous = at;
    if (value === null) continue;
    const point = `${(((at - first) / span) * W).toFixed(1)} ${(H - (Math.max(0, Math.min(100, value)) / 100) * H).toFixed(1)}`;
    run.push(point);
    if (limit && value >= limit.warning) hotRun.push(point);
    else endHot();
  }
  end();
  return { line, area, hot };
}

export function Spark(props: {
  series: Series;
  limit?: Limit | undefined;
  over?: Over;
  last: number | null;
}) {
  const paths = createMemo(() => sparkPaths(props.series, props.limit));
  const limitY = () => H - ((props.limit?.warning ?? 0) / 100) * H;
  return (
    <svg class="spark" viewBox={`0 0 ${W} ${H}`} data-over={props.over || undefined} aria-hidden="true">
      <path class="a" d={paths().area} />
      <Show when={props.limit && props.limit.warning < 100}>
        <path class="t" d={`M0 ${limitY()}H${W}`} />
      </Show>
      <path class="l" d={paths().line} />
      <path class="hot" d={paths().hot} />
      <Show when={props.over}>
        <circle cx={W} cy={H - (Math.min(100, props.last ?? 0) / 100) * H} r="2" />
      </Show>
    </svg>
  );
}

/** `series` undefined draws a bar; null says that there is no history (yet). */
export function Meter(props: {
  value: number | null;
  over?: Over;
  limit?: Limit | undefined;
  detail?: JSX.Element;
  reason?: string | undefined;
  series?: Series | null | undefined;
  metric?: string;
  extra?: number;
}) {
  return (
    <Show
      when={props.value !== null}
      fallback={
        <span class="m" title={props.reason}>
          <span class="v muted">{UNKNOWN}</span>
          <Show when={props.detail}>
            <span class="d trunc">{props.detail}</span>
          </Show>
        </span>
      }
    >
      <span
        class="m"
        data-over={props.over || undefined}
        data-spark={props.series ? props.metric : undefined}
      >
        <span class="v">
          {percent(props.value ?? 0)}
          <span class="u">%</span>
        </span>
        <Show
          when={props.series !== undefined}
          fallback={<Bar value={props.value} limit={props.limit} extra={props.extra ?? 0} />}
        >
          <Show when={props.series} keyed fallback={<span class="spark-none" title="No history yet" />}>
            {(series) => (
              <Spark series={series} limit={props.limit} over={props.over ?? ""} last={props.value} />
            )}
          </Show>
        </Show>
        <Show when={props.detail}>
          <span class="d">{props.detail}</span>
        </Show>
      </span>
    </Show>
  );
}

export function Pair(props: { used: number; total: number }) {
  const parts = createMemo(() => bytesPair(props.used, props.total));
  return (
    <>
      <b>{parts()[0]}</b>
      <i>/</i>
      <span>
        {parts()[1]}
        <span class="u">{parts()[2]}</span>
      </span>
    </>
  );
}

export function Bytes(props: { value: number | null | undefined; perSecond?: boolean }) {
  const parts = createMemo(() =>
    props.value === null || props.value === undefined ? undefined : bytes(props.value),
  );
  return (
    <Show when={parts()} fallback={<span class="muted">{UNKNOWN}</span>}>
      {(p) => (
        <Show when={props.value !== 0} fallback={<span class="muted">0</span>}>
          {p()[0]}
          <span class="u">
            {p()[1]}
            {props.perSecond ? "/s" : ""}
          </span>
        </Show>
      )}
    </Show>
  );
}

export function Two(props: { a: number | null; b: number | null }) {
  return (
    <span class="io">
      <span>
        <Bytes value={props.a} />
      </span>
      <span>
        <Bytes value={props.b} />
      </span>
    </span>
  );
}

/** "8 s ago", with the exact time on hover; keeps counting between updates. */
export function Age(props: { at: number; bare?: boolean }) {
  const seconds = () => Math.max(0, (live.serverNow() - props.at) / 1000);
  return (
    <Show when={props.at > 0} fallback={<span title="Not reported">{UNKNOWN}</span>}>
      <time datetime={new Date(props.at).toISOString()} title={absolute(new Date(props.at))}>
        {props.bare ? ago(seconds()).replace(" ago", "") : ago(seconds())}
      </time>
    </Show>
  );
}

export function temperature(celsius: number): readonly [string, string] {
  return prefs.fahrenheit
    ? [String(Math.round(celsius * 1.8 + 32)), "°F"]
    : [String(Math.round(celsius)), "°C"];
}

export function Degrees(props: { value: number | null; over?: Over; reason?: string | undefined }) {
  return (
    <Show
      when={props.value !== null}
      fallback={
        <span class="muted" title={props.reason}>
          {UNKNOWN}
        </span>
      }
    >
      <span data-tone={props.over || undefined}>
        {temperature(props.value ?? 0)[0]}
        <span class="u">{temperature(props.value ?? 0)[1]}</span>
      </span>
    </Show>
  );
}

/** One of the three meters of a card on a phone. */
export function Third(props: { label: string; value: number | null; over: Over; limit?: Limit | undefined }) {
  return (
    <div data-over={props.over || undefined}>
      <span>
        {props.label}
        <em>{props.value === null ? UNKNOWN : `${percent(props.value)} %`}</em>
      </span>
      <Bar value={props.value} limit={props.limit} />
    </div>
  );
}
