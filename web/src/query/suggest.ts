/** What could be meant by the word at the caret, and by a query without a match. */
import { plural } from "@/format/format";
import { asTerm, tokenize, type Language } from "./query";

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

function countBy<T>(rows: readonly T[], values: (row: T) => readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of rows)
    for (const value of values(row)) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** Fields whose values are offered for a plain word. */
const BY_WORD = ["tag", "node"];

export function suggest<T>(
  query: string,
  caret: number,
  rows: readonly T[],
  recent: readonly string[],
  language: Language<T>,
): SuggestionGroup[] {
  const counted = (n: number) => plural(n, language.what[0], language.what[1]);
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
    const field = language.named(name);
    const source = field?.values;
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
              item(minus + asTerm(name, v), v, counted(n), field.name === "tag" ? "tag" : "value"),
            ),
        });
    }
  } else if (token && token.text.length > 0) {
    const minus = token.text.startsWith("-") ? "-" : "";
    const word = token.text.slice(minus.length).toLowerCase();
    if (word) {
      const values = BY_WORD.flatMap((name) => {
        const source = language.named(name)?.values;
        if (!source) return [];
        const tag = name === "tag";
        return countBy(rows, source)
          .filter(([v]) => v.toLowerCase().startsWith(word))
          .slice(0, tag ? 4 : 3)
          .map(([v, n]) =>
            item(minus + asTerm(name, v), tag ? v : `${name}:${v}`, counted(n), tag ? "tag" : "value"),
          );
      });
      if (values.length > 0) groups.push({ title: "Values that match", items: values });
      const fields = language.fields.filter((f) => f.name.startsWith(word));
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
    if (language.examples.length > 0)
      groups.push({
        title: "Try",
        items: language.examples.map(([text, help]) => item(text, text, help, "example")),
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

/** The nearest existing value for a `field:value` that no row has. */
export function nearestFix<T>(query: string, rows: readonly T[], language: Language<T>): Fix | undefined {
  for (const token of tokenize(query)) {
    const parts = token.parts;
    const field = parts && language.named(parts.field);
    const source = field?.values;
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
