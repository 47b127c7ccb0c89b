/**
 * Numbers and times as people read them.
 *
 * Functions that carry a unit return `[number, unit]` so that a view can set the unit smaller.
 * Unknown is `null` in and "—" out; nothing here ever turns an unknown value into 0.
 */
export type Quantity = readonly [value: string, unit: string];

export const UNKNOWN = "—";

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/** Three significant digits; integers below 1000 that are exact stay integers. */
export function significant(value: number): string {
  const abs = Math.abs(value);
  if (abs >= 100) return String(Math.round(value));
  if (abs >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

function byteStep(bytes: number): number {
  let step = 0;
  // 1000, not 1024: "1000 MiB" would need four digits.
  for (let rest = Math.abs(bytes); rest >= 999.5 && step < BYTE_UNITS.length - 1; rest /= 1024) step += 1;
  return step;
}

function inStep(bytes: number, step: number): string {
  const value = bytes / 1024 ** step;
  return step === 0 || Number.isInteger(value) ? String(Math.round(value)) : significant(value);
}

export function bytes(value: number): Quantity {
  const step = byteStep(value);
  return [inStep(value, step), BYTE_UNITS[step] ?? "B"];
}

/** Used and total in the unit of the total, so that the two can be compared at a glance. */
export function bytesPair(used: number, total: number): readonly [used: string, total: string, unit: string] {
  const step = byteStep(total);
  return [inStep(used, step), inStep(total, step), BYTE_UNITS[step] ?? "B"];
}

/** Integer; one decimal below 10 and above 99. 99.96 is 99.9, never 100. */
export function percent(value: number): string {
  if (value >= 100) return "100";
  if (value <= 0) return "0";
  if (value > 99) return Math.min(99.9, value).toFixed(1);
  if (value < 9.95) return value < 0.05 ? "<0.1" : value.toFixed(1);
  return String(Math.round(value));
}

const DURATION_UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** The two largest units: "12 d 4 h", "5 min"; seconds only below a minute. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  for (const [index, [size, name]] of DURATION_UNITS.entries()) {
    if (total < size) continue;
    const whole = Math.floor(total / size);
    const next = DURATION_UNITS[index + 1];
    if (!next || next[1] === "s") return `${whole} ${name}`;
    const rest = Math.floor((total - whole * size) / next[0]);
    return rest > 0 ? `${whole} ${name} ${rest} ${next[1]}` : `${whole} ${name}`;
  }
  return "0 s";
}

/** One unit, for columns: "3 d", "14 h", "8 s". */
export function shortDuration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  for (const [size, name] of DURATION_UNITS) if (total >= size) return `${Math.floor(total / size)} ${name}`;
  return "0 s";
}

export const ago = (seconds: number): string => `${shortDuration(seconds)} ago`;

const pad = (value: number): string => String(value).padStart(2, "0");

/** Local wall-clock time, 24 hours. */
export function clock(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

export function clockMinutes(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

/** ISO-like local date and time, for `title` and exact read-outs. */
export function absolute(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock(at)}`;
}

const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function dayAndTime(at: Date): string {
  return `${dayMonth.format(at)}, ${clockMinutes(at)}`;
}

export const day = (at: Date): string => dayMonth.format(at);

/** "1 guest", "2 guests". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Keeps both ends: "abcdef…uvwxyz". */
export function middle(text: string, keep: number): string {
  return text.length <= keep * 2 + 1 ? text : `${text.slice(0, keep)}…${text.slice(-keep)}`;
}

/** A key that sorts as people count: web-2 before web-10. */
export const naturalKey = (text: string): string =>
  text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(10, "0"));
