/** Line icons on a 16 px grid. Decorative: the control around them carries the name. */
import { splitProps, type JSX } from "solid-js";

const PATHS = {
  pve: "M3.5 3h9a1 1 0 0 1 1 1v2.2a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM3.5 8.8h9a1 1 0 0 1 1 1V12a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V9.8a1 1 0 0 1 1-1zM5 5.1h.01M5 10.9h.01M8.5 5.1H11M8.5 10.9H11",
  box: "M2.5 5.5h11V13h-11zM2.5 5.5 4 3h8l1.5 2.5M6 8v2.5M8 8v2.5M10 8v2.5",
  host: "M3.2 3h9.6A1.2 1.2 0 0 1 14 4.2v5.6a1.2 1.2 0 0 1-1.2 1.2H3.2A1.2 1.2 0 0 1 2 9.8V4.2A1.2 1.2 0 0 1 3.2 3zM6 13.5h4M8 11v2.5",
  search: "M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM10 10l3.2 3.2",
  gear: "M8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM8 2.2v1.6M8 12.2v1.6M2.2 8h1.6M12.2 8h1.6M3.9 3.9 5 5M11 11l1.1 1.1M12.1 3.9 11 5M5 11l-1.1 1.1",
  down: "m4.5 6.5 3.5 3.5 3.5-3.5",
  right: "m6.5 4.5 3.5 3.5-3.5 3.5",
  left: "M9.5 4.5 6 8l3.5 3.5",
  up: "m4.5 9.5 3.5-3.5 3.5 3.5",
  arrowUp: "M8 13V3.5M4.5 7 8 3.5 11.5 7",
  arrowDown: "M8 3v9.5M4.5 9 8 12.5 11.5 9",
  x: "m4.5 4.5 7 7M11.5 4.5l-7 7",
  ext: "M6.5 3.5h-3v9h9v-3M9 3h4v4M13 3 7.5 8.5",
  dots: "M3.1 8a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0zM7.5 8a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0zM11.9 8a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0z",
  check: "m3.8 8.4 2.8 2.8 5.6-6",
  view: "M2.5 5h1.9M7.6 5h5.9M6 3.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2zM2.5 11h5.9M11.6 11h1.9M10 9.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2z",
  bars: "M3 5h6M3 8h9M3 11h4",
  trend: "m2.5 11 3-4 3 2.5 5-6",
  copy: "M6.5 5.5H12a1 1 0 0 1 1 1V12a1 1 0 0 1-1 1H6.5a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1zM10.5 5.5V3H3v7.5h2.5",
  plus: "M8 3.5v9M3.5 8h9",
  term: "M3.2 3h9.6A1.2 1.2 0 0 1 14 4.2v7.6a1.2 1.2 0 0 1-1.2 1.2H3.2A1.2 1.2 0 0 1 2 11.8V4.2A1.2 1.2 0 0 1 3.2 3zM4.8 6.3l2 1.7-2 1.7M8.5 10h2.5",
  shield: "M8 2.2 13 4v3.8c0 3-2 5.2-5 6.2-3-1-5-3.2-5-6.2V4z",
  clock: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM8 5v3l2 1.5",
  mail: "M2.5 4.5h11v8h-11zM2.8 5 8 9l5.2-4",
  lock: "M4.5 7h7a1 1 0 0 1 1 1v4.5a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  home: "M3 7.2 8 3l5 4.2V13H3z",
  refresh: "M13 8a5 5 0 1 1-1.6-3.6M13 2.8v2.6h-2.6",
  user: "M8 3a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM3 13.5c.6-2.6 2.5-4 5-4s4.4 1.4 5 4",
  out: "M6.5 3.5h-3v9h3M9.5 5l3 3-3 3M12.5 8h-6",
  key: "M5.5 7.5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM7.6 8.4 13 3M10.5 5.5l2 2",
  sun: "M8 5.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2zM8 2v1.4M8 12.6V14M2 8h1.4M12.6 8H14M3.8 3.8l1 1M11.2 11.2l1 1M12.2 3.8l-1 1M4.8 11.2l-1 1",
  edit: "M3 13h2.5L13 5.5 10.5 3 3 10.5zM9 4.5 11.5 7",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5 5 13h6l.5-8.5",
  filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
  play: "M5 3.5v9l7-4.5z",
  disk: "M3 9.5h10M4.4 3h7.2a1 1 0 0 1 1 .8l.9 5.7v2.5a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V9.5l.9-5.7a1 1 0 0 1 1-.8zM10.8 11.3h.01",
  nodes: "M6 3h4v3.2H6zM2.5 9.8h4V13h-4zM9.5 9.8h4V13h-4zM8 6.2V8M4.5 9.8V8h7v1.8",
  list: "M6 4h7.5M6 8h7.5M6 12h7.5M2.8 4h.01M2.8 8h.01M2.8 12h.01",
  ceph: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM3.2 5.2l3 1.8M12.8 5.2l-3 1.8M8 13.5V10",
  more: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon(props: { name: IconName; small?: boolean }) {
  return (
    <svg class={props.small ? "ico s" : "ico"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  );
}

export function Logo(props: JSX.SvgSVGAttributes<SVGSVGElement>) {
  const [, rest] = splitProps(props, []);
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" {...rest}>
      <rect width="24" height="24" rx="6" fill="var(--accent)" />
      <g
        fill="none"
        stroke="var(--text-on-accent)"
        stroke-width="2"
        stroke-linecap="round"
        stroke-linejoin="round"
      >
        <path d="M4 14.4h4.6M8.6 19V5.6h4.5a4.4 4.4 0 0 1 0 8.8H11" />
        <path d="M13.1 14.4H20" opacity=".55" />
      </g>
    </svg>
  );
}

/** The P on a signal line: the picture of an empty place. */
export function SignalArt() {
  return (
    <svg width="220" height="56" viewBox="0 0 220 56" aria-hidden="true" fill="none" stroke-linecap="round">
      <path d="M4 36H78" stroke="var(--line-control)" stroke-width="1.6" />
      <path
        d="M78 48V10h20a13 13 0 0 1 0 26H90"
        stroke="var(--accent)"
        stroke-width="2.4"
        stroke-linejoin="round"
      />
      <path d="M118 36H216" stroke="var(--line-control)" stroke-width="1.6" stroke-dasharray="1 7" />
    </svg>
  );
}
