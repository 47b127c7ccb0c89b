/** Short histories for the sparklines of the rows on screen, asked for in batches and kept per range. */
import { createEffect, createSignal, onCleanup, type Accessor } from "solid-js";
import { charts } from "@/api/api";
import type { ChartPoint } from "@/api/types";
import type { Series } from "@/components/Values";

export interface Trend {
  cpu: Series | null;
  mem: Series | null;
  disk: Series | null;
}

const BATCH = 60;
const DEBOUNCE = 120;
const MAX_AGE: Record<string, number> = {
  "15m": 20_000,
  "1h": 60_000,
  "4h": 120_000,
  "24h": 300_000,
  "7d": 900_000,
};

function toSeries(points: ChartPoint[] | undefined): Series | null {
  const good = points?.filter((p) => p.value >= 0) ?? [];
  if (good.length < 2) return null;
  return { times: good.map((p) => p.timestamp), values: good.map((p) => p.value) };
}

const cache = new Map<string, { at: number; trend: Trend }>();

export function createTrends(ids: Accessor<string[]>, range: Accessor<string>, enabled: Accessor<boolean>) {
  const [version, setVersion] = createSignal(0);
  const [failed, setFailed] = createSignal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;

  const load = async () => {
    if (busy) return;
    const now = Date.now();
    const wanted = ids()
      .filter((id) => now - (cache.get(`${range()} ${id}`)?.at ?? 0) > (MAX_AGE[range()] ?? 60_000))
      .slice(0, BATCH);
    if (wanted.length === 0) return;
    busy = true;
    const asked = range();
    try {
      const answer = await charts(asked, wanted);
      // A server that ignores `ids` answers for everybody; keep it all.
      const all = { ...answer.data, ...answer.nodeData, ...answer.storageData };
      for (const id of new Set([...wanted, ...Object.keys(all)])) {
        const series = all[id];
        cache.set(`${asked} ${id}`, {
          at: now,
          trend: { cpu: toSeries(series?.cpu), mem: toSeries(series?.memory), disk: toSeries(series?.disk) },
        });
      }
      setFailed(false);
      setVersion((n) => n + 1);
    } catch {
      setFailed(true);
      return;
    } finally {
      busy = false;
    }
    void load();
  };

  createEffect(() => {
    ids();
    range();
    clearTimeout(timer);
    if (enabled()) timer = setTimeout(() => void load(), DEBOUNCE);
  });
  const refresh = setInterval(() => {
    if (enabled() && document.visibilityState !== "hidden") void load();
  }, 20_000);
  onCleanup(() => {
    clearTimeout(timer);
    clearInterval(refresh);
  });

  return {
    failed,
    /** undefined: draw a bar; null: no history; else the series. */
    get(id: string, metric: keyof Trend): Series | null | undefined {
      if (!enabled()) return undefined;
      version();
      return cache.get(`${range()} ${id}`)?.trend[metric] ?? null;
    },
  };
}
export type Trends = ReturnType<typeof createTrends>;
