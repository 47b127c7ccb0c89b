/** One panel of the history, drawn by uPlot. Loaded with the first drawer, not with the page. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clockMinutes, day, significant } from "@/format/format";
import { bytes } from "@/format/format";
import type { Panel } from "./series";

export interface PlotSpec {
  panels: Panel[];
  percent: boolean;
  limit: number | undefined;
  start: number;
  end: number;
  height: number;
  axis: boolean;
  sync: string;
  onCursor: (t: number | null, left: number) => void;
}

const role = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function hatch(color: string): CanvasPattern | null {
  const tile = document.createElement("canvas");
  const size = 7 * devicePixelRatio;
  tile.width = size;
  tile.height = size;
  const ctx = tile.getContext("2d");
  if (!ctx) return null;
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (const shift of [-size, 0, size]) {
    ctx.moveTo(shift, size);
    ctx.lineTo(shift + size, 0);
  }
  ctx.stroke();
  return ctx.createPattern(tile, "repeat");
}

/** Panels of one chart may have their points at other times; they are laid on one axis. */
function align(panels: Panel[]): (number | null)[][] {
  if (panels.length === 1 && panels[0]) return [panels[0].x, panels[0].max, panels[0].min, panels[0].value];
  const tables = panels.map((p) => [p.x, p.value] as uPlot.AlignedData);
  const joined = uPlot.join(
    tables,
    panels.map(() => [2]),
  );
  return joined as unknown as (number | null)[][];
}

export function makePlot(root: HTMLElement, width: number, spec: PlotSpec): uPlot {
  const grid = role("--grid");
  const text = role("--text-3");
  const line = role("--data");
  const soft = role("--data-soft");
  const warning = role("--warning");
  const second = role("--cat-1");
  const pattern = hatch(role("--line-strong"));
  const font = `500 10px ${role("--face-sans")}`;
  const single = spec.panels.length === 1;
  const data = align(spec.panels);
  const limit = spec.limit;
  if (single && limit !== undefined)
    data.push((spec.panels[0]?.value ?? []).map((v) => (v !== null && v >= limit ? v : null)));

  const span = spec.end - spec.start;
  const series: uPlot.Series[] = [{}];
  if (single) {
    series.push(
      { width: 0 },
      { width: 0 },
      { stroke: line, width: 1.4, fill: soft, points: { show: false } },
    );
    if (limit !== undefined) series.push({ stroke: warning, width: 2, points: { show: false } });
  } else {
    series.push(
      { stroke: line, width: 1.4, fill: soft, points: { show: false } },
      { stroke: second, width: 1.2, dash: [4, 2], points: { show: false } },
    );
  }

  const opts: uPlot.Options = {
    width,
    height: spec.height,
    padding: [5, 12, spec.axis ? 0 : 6, 0],
    legend: { show: false },
    cursor: {
      y: false,
      sync: { key: spec.sync, setSeries: false, scales: ["x", null] },
      points: { size: 6, fill: role("--surface-raised"), stroke: line, width: 1.6 },
      drag: { x: false, y: false },
    },
    scales: {
      x: {
        time: true,
        min: spec.start / 1000,
        max: spec.end / 1000,
        range: () => [spec.start / 1000, spec.end / 1000],
      },
      y: {
        range: (_u, _min, max) => (spec.percent ? [0, 100] : [0, Math.max(1024, (max ?? 0) * 1.15)]),
      },
    },
    series,
    ...(single ? { bands: [{ series: [1, 2], fill: role("--data-track") }] } : {}),
    axes: [
      {
        stroke: text,
        font,
        size: spec.axis ? 20 : 0,
        gap: 4,
        ticks: { show: false },
        grid: { stroke: grid, width: 1 },
        space: 70,
        values: (_u, splits) =>
          spec.axis
            ? splits.map((s) =>
                span > 2 * 86_400_000 ? day(new Date(s * 1000)) : clockMinutes(new Date(s * 1000)),
              )
            : splits.map(() => ""),
      },
      {
        stroke: text,
        font,
        size: 34,
        gap: 4,
        ticks: { show: false },
        grid: { stroke: grid, width: 1 },
        splits: (_u, _i, _min, max) => (spec.percent ? [0, limit ?? 100] : [0, max / 1.15]),
        values: (_u, splits) =>
          splits.map((s) => {
            if (spec.percent) return String(s);
            if (s === 0) return "0";
            const [n, unit] = bytes(s);
            return `${Number(n) >= 10 ? Math.round(Number(n)) : significant(Number(n)).slice(0, 3)} ${unit.replace("iB", "")}`;
          }),
      },
    ],
    hooks: {
      drawClear: [
        (u) => {
          const { ctx } = u;
          ctx.save();
          if (pattern) ctx.fillStyle = pattern;
          for (const [from, to] of spec.panels[0]?.gaps ?? []) {
            const left = Math.max(u.bbox.left, u.valToPos(from, "x", true));
            const right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(to, "x", true));
            if (right > left) ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
          }
          ctx.restore();
        },
      ],
      draw: [
        (u) => {
          if (limit === undefined || limit >= 100) return;
          const { ctx } = u;
          const y = Math.round(u.valToPos(limit, "y", true)) + 0.5;
          ctx.save();
          ctx.strokeStyle = warning;
          ctx.globalAlpha = 0.75;
          ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
          ctx.beginPath();
          ctx.moveTo(u.bbox.left, y);
          ctx.lineTo(u.bbox.left + u.bbox.width, y);
          ctx.stroke();
          ctx.restore();
        },
      ],
      setCursor: [
        (u) => {
          const left = u.cursor.left ?? -1;
          spec.onCursor(left < 0 ? null : u.posToVal(left, "x"), left);
        },
      ],
    },
  };
  return new uPlot(opts, data as uPlot.AlignedData, root);
}
