/**
 * What this person likes to see: theme, density, columns. Kept in this browser; log-out does not touch it.
 * public/theme.js reads the same key before the first paint.
 */
import { createEffect, createRoot, on } from "solid-js";
import { createStore } from "solid-js/store";

export type Theme = "system" | "light" | "dark";
export type Density = "normal" | "compact";
export type TrendRange = "15m" | "1h" | "4h" | "24h";

export interface Prefs {
  theme: Theme;
  density: Density;
  view: "bars" | "trends";
  trendRange: TrendRange;
  /** What a list is grouped by, per list; `none` or one of its groupings. */
  groups: Record<string, string>;
  /** Columns hidden by choice, per table. */
  hidden: Record<string, string[]>;
  /** Order of the columns by choice, per table. */
  order: Record<string, string[]>;
  /** `column` or `-column`, per table. */
  sort: Record<string, string>;
  /** Queries that were kept, newest first, per list. */
  recent: Record<string, string[]>;
  drawerWidth: number;
  fahrenheit: boolean;
}

const KEY = "pulse.prefs";

const defaults: Prefs = {
  theme: "system",
  density: "normal",
  view: "bars",
  trendRange: "24h",
  groups: {},
  hidden: {},
  order: {},
  sort: {},
  recent: {},
  drawerWidth: 640,
  fahrenheit: false,
};

function load(): Prefs {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...defaults, ...(typeof stored === "object" && stored ? (stored as Partial<Prefs>) : {}) };
  } catch {
    return { ...defaults };
  }
}

export const [prefs, setPrefs] = createStore<Prefs>(load());

const systemDark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const dark = prefs.theme === "dark" || (prefs.theme === "system" && systemDark.matches);
  const root = document.documentElement;
  root.dataset.theme = dark ? "dark" : "light";
  if (prefs.density === "compact") root.dataset.density = "compact";
  else delete root.dataset.density;
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", dark ? "#0c1013" : "#fafbfc");
}

createRoot(() => {
  createEffect(applyTheme);
  systemDark.addEventListener("change", applyTheme);
  createEffect(
    on(
      () => JSON.stringify(prefs),
      (text) => {
        try {
          localStorage.setItem(KEY, text);
        } catch {
          // A full or forbidden storage costs the memory of the choice, not the choice.
        }
      },
      { defer: true },
    ),
  );
});
