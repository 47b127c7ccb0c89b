/** What could be meant by the word at the caret, and by a query without a match. */
import type { GuestRow } from "@/model/guest";
import { asTerm, FIELDS, fieldNamed, tokenize } from "./query";

export interface Suggestion {
  /** Replaces `start…end` of the query. */
  insert: string;
  label: string;
  detail: string;
  start: number;
  end: number;
  kind: "tag" | "value" | "field" | "example" | "recent";
}
export interface SuggestionGroup {
  title: string;
  items: Suggestion[];
}

function countBy(
  rows: readonly GuestRow[],
  values: (row: GuestRow) => readonly string[],
): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of rows)
    for (const value of values(row)) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

const VALUES: Record<string, (row: GuestRow) => readonly string[]> = {
  tag: (row) => row.tags,
  node: (row) => [row.node],
  pool: (row) => [row.pool],
  instance: (row) => [row.instance],
  type: (row) => [row.kind.toLowerCase()],
  status: (row) => (row.level === "warning" ? [row.power, "problem"] : [row.power]),
  os: (row) => [row.raw.osName ?? ""],
};

const guests = (n: number) => `${n} ${n === 1 ? "guest" : "guests"}`;

export function suggest(
  query: string,
  caret: number,
  rows: readonly GuestRow[],
  recent: readonly string[],
): SuggestionGroup[] {
  const groups: SuggestionGroup[] = [];
  const token = tokenize(query).find(
    (t) => t.kind === "term" && t.start < caret && caret <= t.start + t.text.length,
  );
  const start = token?.start ?? caret;
  const end = token ? token.start + token.text.length : caret;
  const item = (insert: string, label: string, detail: string, kind: Suggestion["kind"]): Suggestion => ({
    insert,
    label,
    detail,
    start,
    end,
    kind,
  });

  if (token?.parts) {
    const { minus, field: name, op, value } = token.parts;
    const field = fieldNamed(name);
    const source = field && VALUES[field.name];
    if (field && source && (op === ":" || op === "=")) {
      const typed = value.toLowerCase();
      const matches = countBy(rows, source).filter(
        ([v]) => v.toLowerCase().includes(typed) && v.toLowerCase() !== typed,
      );
      if (matches.length > 0)
        groups.push({
          title: field.name === "tag" ? "Tags that match" : `Values of ${field.name}`,
          items: matches
            .slice(0, 6)
            .map(([v, n]) =>
              item(minus + asTerm(name, v), v, guests(n), field.name === "tag" ? "tag" : "value"),
            ),
        });
    }
  } else if (token && token.text.length > 0) {
    const minus = token.text.startsWith("-") ? "-" : "";
    const word = token.text.slice(minus.length).toLowerCase();
    if (word) {
      const tags = countBy(rows, (row) => row.tags).filter(([v]) => v.toLowerCase().startsWith(word));
      const nodes = countBy(rows, (row) => [row.node]).filter(([v]) => v.toLowerCase().startsWith(word));
      const values = [
        ...tags.slice(0, 4).map(([v, n]) => item(minus + asTerm("tag", v), v, guests(n), "tag")),
        ...nodes
          .slice(0, 3)
          .map(([v, n]) => item(minus + asTerm("node", v), `node:${v}`, guests(n), "value")),
      ];
      if (values.length > 0) groups.push({ title: "Tags and nodes that match", items: values });
      const fields = FIELDS.filter((f) => f.name.startsWith(word));
      if (fields.length > 0)
        groups.push({
          title: "Fields",
          items: fields
            .slice(0, 4)
            .map((f) =>
              item(
                `${minus}${f.name}${f.text ? ":" : ">"}`,
                `${f.name}${f.text ? ":" : ">"}`,
                f.help,
                "field",
              ),
            ),
        });
    }
  }
  if (query.trim() === "") {
    if (recent.length > 0)
      groups.push({
        title: "Recent",
        items: recent
          .slice(0, 4)
          .map((text) => ({ ...item(text, text, "", "recent"), start: 0, end: query.length })),
      });
    groups.push({
      title: "Try",
      items: [
        item("mem>90", "mem>90", "percent of assigned memory", "example"),
        item("status:problem", "status:problem", "over a limit now", "example"),
        item(
          "cpu>50 AND (type:vm OR cores>4)",
          "cpu>50 AND (type:vm OR cores>4)",
          "AND, OR, NOT, ( )",
          "example",
        ),
        item("-status:off", "-status:off", "everything but stopped", "example"),
      ],
    });
  }
  return groups;
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1)
      row.push(
        Math.min(
          (previous[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (previous[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1),
        ),
      );
    previous = row;
  }
  return previous[b.length] ?? 0;
}

export interface Fix {
  field: string;
  wrong: string;
  right: string;
  query: string;
  count: number;
}

/** The nearest existing value for a `field:value` that no guest has. */
export function nearestFix(query: string, rows: readonly GuestRow[]): Fix | undefined {
  for (const token of tokenize(query)) {
    const parts = token.parts;
    const field = parts && fieldNamed(parts.field);
    const source = field && VALUES[field.name];
    if (!parts || !field || !source || parts.op !== ":" || parts.minus || parts.value.includes(",")) continue;
    const wrong = parts.value.replaceAll('"', "").toLowerCase();
    const known = countBy(rows, source);
    if (known.some(([v]) => v.toLowerCase().includes(wrong))) continue;
    const best = known
      .map(([v, n]) => ({ v, n, d: distance(v.toLowerCase(), wrong) }))
      .sort((a, b) => a.d - b.d || b.n - a.n)[0];
    if (!best || best.d > Math.max(2, wrong.length / 2)) continue;
    const end = token.start + token.text.length;
    return {
      field: field.name,
      wrong: parts.value,
      right: best.v,
      count: best.n,
      query: query.slice(0, token.start) + asTerm(parts.field, best.v) + query.slice(end),
    };
  }
  return undefined;
}
