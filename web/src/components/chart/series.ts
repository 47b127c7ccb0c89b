/** From the points of a metric to what a chart draws. Pure. */
import type { HistoryPoint } from "@/api/types";

export interface Panel {
  /** Unix seconds, nulls in the values where there is a gap. */
  x: number[];
  value: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  gaps: [from: number, to: number][];
  /** When recording began, if that is within the range; what was before is no gap. */
  began?: number;
}

/** The usual distance between points, in seconds. */
export function typicalStep(points: readonly HistoryPoint[]): number {
  const steps: number[] = [];
  for (let i = 1; i < points.length; i += 1)
    steps.push(((points[i]?.timestamp ?? 0) - (points[i - 1]?.timestamp ?? 0)) / 1000);
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** Splits the line where points are missing; a gap is said, never bridged. */
export function toPanel(points: readonly HistoryPoint[], start: number, end: number, stepMs?: number): Panel {
  const panel: Panel = { x: [], value: [], min: [], max: [], gaps: [] };
  const good = points.filter((p) => Number.isFinite(p.value) && p.value >= 0);
  // Agents may report less often than a point stands for; that alone is no gap.
  const usual = Math.max((stepMs ?? 0) / 1000, typicalStep(good));
  const longest = Math.max(usual * 3, 45);
  let previous = start / 1000;
  for (const [i, point] of good.entries()) {
    const t = point.timestamp / 1000;
    if (t - previous > longest) {
      if (i === 0) panel.began = t;
      else {
        panel.gaps.push([previous + usual / 2, t - usual / 2]);
        panel.x.push(previous + usual / 2);
        panel.value.push(null);
        panel.min.push(null);
        panel.max.push(null);
      }
    }
    panel.x.push(t);
    panel.value.push(point.value);
    panel.min.push(point.min);
    panel.max.push(point.max);
    previous = t;
  }
  if (good.length > 0 && end / 1000 - previous > longest * 1.5)
    panel.gaps.push([previous + usual / 2, end / 1000]);
  return panel;
}

/** The value nearest to a time, unless that falls into a gap. */
export function valueAt(panel: Panel, t: number): number | null {
  if (panel.began !== undefined && t < panel.began) return null;
  let low = 0;
  let high = panel.x.length - 1;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((panel.x[mid] ?? 0) < t) low = mid + 1;
    else high = mid;
  }
  const before = panel.x[low - 1];
  const at = panel.x[low];
  const index = before !== undefined && at !== undefined && t - before < at - t ? low - 1 : low;
  if (panel.gaps.some(([from, to]) => t > from && t < to)) return null;
  return panel.value[index] ?? null;
}
