/**
 * Which rows of a long list are worth having in the DOM. Row heights are known, so the place of every row is a
 * sum and nothing is measured per row.
 */
import { createEffect, createMemo, createSignal, onCleanup, type Accessor } from "solid-js";

export interface Virtual {
  start: Accessor<number>;
  end: Accessor<number>;
  /** Pixels above `start` and below `end`. */
  before: Accessor<number>;
  after: Accessor<number>;
  /** Brings a row into view, clear of what sticks to the top. */
  reveal(index: number): void;
}

const OVERSCAN = 6;

export function createVirtual(options: {
  scroller: Accessor<HTMLElement | undefined>;
  /** The element whose top is the top of the first row. */
  list: Accessor<HTMLElement | undefined>;
  /** Height of what stands between the list's top and its first row, such as a table head. */
  lead: number;
  /** Height of what sticks to the top of the scroller over the rows. */
  covered: Accessor<number>;
  heights: Accessor<readonly number[]>;
}): Virtual {
  const offsets = createMemo(() => {
    const heights = options.heights();
    const sums = new Float64Array(heights.length + 1);
    for (let i = 0; i < heights.length; i += 1) sums[i + 1] = (sums[i] ?? 0) + (heights[i] ?? 0);
    return sums;
  });
  const [view, setView] = createSignal(
    { top: 0, height: 900 },
    { equals: (a, b) => a.top === b.top && a.height === b.height },
  );

  const listTop = () => {
    const scroller = options.scroller();
    const list = options.list();
    if (!scroller || !list) return 0;
    return (
      list.getBoundingClientRect().top -
      scroller.getBoundingClientRect().top +
      scroller.scrollTop +
      options.lead
    );
  };
  const measure = () => {
    const scroller = options.scroller();
    if (scroller) setView({ top: Math.round(scroller.scrollTop - listTop()), height: scroller.clientHeight });
  };

  createEffect(() => {
    const scroller = options.scroller();
    const list = options.list();
    if (!scroller || !list) return;
    const observer = new ResizeObserver(measure);
    observer.observe(scroller);
    if (scroller.firstElementChild) observer.observe(scroller.firstElementChild);
    scroller.addEventListener("scroll", measure, { passive: true });
    measure();
    onCleanup(() => {
      observer.disconnect();
      scroller.removeEventListener("scroll", measure);
    });
  });

  const find = (y: number): number => {
    const sums = offsets();
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if ((sums[mid] ?? 0) <= y) low = mid;
      else high = mid - 1;
    }
    return low;
  };
  const count = () => offsets().length - 1;
  const start = createMemo(() => Math.max(0, Math.min(find(Math.max(0, view().top)) - OVERSCAN, count())));
  const end = createMemo(() =>
    Math.min(count(), find(Math.max(0, view().top + view().height)) + 1 + OVERSCAN),
  );

  return {
    start,
    end,
    before: () => offsets()[start()] ?? 0,
    after: () => (offsets()[count()] ?? 0) - (offsets()[end()] ?? 0),
    reveal(index) {
      const scroller = options.scroller();
      if (!scroller) return;
      const top = listTop() + (offsets()[index] ?? 0);
      const bottom = listTop() + (offsets()[index + 1] ?? 0);
      const covered = options.covered();
      if (top < scroller.scrollTop + covered) scroller.scrollTop = top - covered;
      else if (bottom > scroller.scrollTop + scroller.clientHeight)
        scroller.scrollTop = bottom - scroller.clientHeight;
      measure();
    },
  };
}

/** A pixel variable of the style sheet, such as `--row-h`. */
export function cssPixels(name: string): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue(name)) || 0;
}
