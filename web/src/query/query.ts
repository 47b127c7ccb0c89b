/**
 * The one filter language: `web cpu>80 tag:prod`, `(node:pve1 OR node:pve2) NOT status:off`, `-type:ct`.
 *
 * Terms side by side are ANDed. `field:value` compares text (comma lists are alternatives), `field>number`
 * compares numbers with units. A query that cannot be read gives the place and the reason, so that the view can
 * underline it and keep the last good result.
 */
export type Predicate<T> = (row: T) => boolean;

export interface Token {
  kind: "term" | "op" | "paren" | "space" | "error";
  text: string;
  start: number;
  /** Parts of a `field op value` term. */
  parts?: { minus: string; field: string; op: string; value: string };
}

export interface ParsedQuery<T = never> {
  tokens: Token[];
  predicate?: Predicate<T>;
  error?: { start: number; end: number; message: string };
}

const TERM = /^([-!]?)([a-z]+)(:|>=|<=|==|!=|>|<|=)(.*)$/is;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  while (i < text.length) {
    const start = i;
    const ch = text.charAt(i);
    if (/\s/.test(ch)) {
      while (i < text.length && /\s/.test(text.charAt(i))) i += 1;
      tokens.push({ kind: "space", text: text.slice(start, i), start });
      continue;
    }
    if (ch === "(" || ch === ")") {
      i += 1;
      tokens.push({ kind: "paren", text: ch, start });
      continue;
    }
    let quoted = false;
    while (i < text.length) {
      const c = text.charAt(i);
      if (c === '"') quoted = !quoted;
      else if (!quoted && /[\s()]/.test(c)) break;
      i += 1;
    }
    const word = text.slice(start, i);
    if (/^(AND|OR|NOT|&&|\|\|)$/.test(word)) tokens.push({ kind: "op", text: word, start });
    else {
      const m = TERM.exec(word);
      const token: Token = { kind: "term", text: word, start };
      if (m)
        token.parts = {
          minus: m[1] ?? "",
          field: (m[2] ?? "").toLowerCase(),
          op: m[3] ?? "",
          value: m[4] ?? "",
        };
      tokens.push(token);
    }
  }
  return tokens;
}

export interface Field<T> {
  name: string;
  aliases?: string[];
  help: string;
  text?: (row: T) => string | readonly string[];
  /** Whole values: `status:off` is not a substring search. */
  exact?: boolean;
  number?: (row: T) => number | null;
  unit?: "percent" | "duration" | "bytes" | "count";
  /** What may be suggested as a value; many rows share one. */
  values?: (row: T) => readonly string[];
  /** Values that exist even when no row has them now. */
  words?: readonly string[];
}

/** The fields of one kind of row, and what a plain word is looked for in. */
export interface Language<T> {
  fields: readonly Field<T>[];
  named: (name: string) => Field<T> | undefined;
  haystack: (row: T) => string;
  /** What the rows are called: one, many. */
  what: readonly [one: string, many: string];
  examples: readonly (readonly [query: string, help: string])[];
}

export function makeLanguage<T>(setup: {
  fields: readonly Field<T>[];
  haystack: (row: T) => string;
  what: readonly [string, string];
  examples?: readonly (readonly [string, string])[];
}): Language<T> {
  const byName = new Map<string, Field<T>>();
  for (const field of setup.fields)
    for (const name of [field.name, ...(field.aliases ?? [])]) if (!byName.has(name)) byName.set(name, field);
  return { examples: [], ...setup, named: (name) => byName.get(name) };
}

const DURATION: Record<string, number> = {
  s: 1,
  m: 60,
  min: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};
const SIZE: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

function readNumber(text: string, unit: Field<never>["unit"]): number | undefined {
  const m = /^(\d+(?:\.\d+)?)\s*([a-z%]*)$/i.exec(text.replaceAll('"', ""));
  if (!m) return undefined;
  const value = Number(m[1]);
  const suffix = (m[2] ?? "").toLowerCase();
  if (unit === "duration") {
    const factor = suffix === "" ? 1 : DURATION[suffix];
    return factor === undefined ? undefined : value * factor;
  }
  if (unit === "bytes") {
    const factor = suffix === "" ? 1 : SIZE[suffix.replace(/i?b(\/s)?$/, "") || "b"];
    return factor === undefined ? undefined : value * factor;
  }
  return suffix === "" || suffix === "%" ? value : undefined;
}

const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => Math.abs(a - b) < 0.5,
  "==": (a, b) => Math.abs(a - b) < 0.5,
  "!=": (a, b) => Math.abs(a - b) >= 0.5,
};

class QueryError extends Error {
  readonly start: number;
  readonly end: number;
  constructor(message: string, start: number, end: number) {
    super(message);
    this.start = start;
    this.end = end;
  }
}

/** Whether some row has exactly this value; decides between a whole value and one still being typed. */
export type IsKnown = (field: string, value: string) => boolean;

function textPredicate<T>(field: Field<T>, value: string, isKnown: IsKnown): Predicate<T> {
  const get = field.text;
  if (!get) return () => false;
  const wanted = value
    .split(",")
    .map((part) => part.replaceAll('"', "").trim().toLowerCase())
    .filter(Boolean);
  const fits = (text: string, want: string): boolean => {
    const have = text.toLowerCase();
    if (want.includes("*"))
      return new RegExp(`^${want.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(have);
    if (!field.exact) return have.includes(want);
    // `tag:pr` on the way to `tag:prod` keeps its result instead of flashing "no match".
    return isKnown(field.name, want) ? have === want : have.startsWith(want);
  };
  return (row) => {
    const have = get(row);
    return typeof have === "string"
      ? wanted.some((want) => fits(have, want))
      : wanted.some((want) => have.some((item) => fits(item, want)));
  };
}

function termPredicate<T>(token: Token, language: Language<T>, isKnown: IsKnown): Predicate<T> {
  const end = token.start + token.text.length;
  const parts = token.parts;
  if (!parts) {
    const negative = /^[-!]./.test(token.text);
    const word = (negative ? token.text.slice(1) : token.text).replaceAll('"', "").toLowerCase();
    if (word === "") return () => true;
    const { haystack } = language;
    return negative ? (row) => !haystack(row).includes(word) : (row) => haystack(row).includes(word);
  }
  const field = language.named(parts.field);
  if (!field) {
    const near = language.fields.find((f) => f.name.startsWith(parts.field.slice(0, 2)))?.name;
    throw new QueryError(
      `There is no field ${parts.field}${near ? `; did you mean ${near}` : ""}.`,
      token.start,
      token.start + parts.minus.length + parts.field.length,
    );
  }
  const valueAt = end - parts.value.length;
  if (parts.value === "")
    throw new QueryError(`Expected a value after ${parts.field}${parts.op}`, token.start, end);
  const textual = parts.op === ":" || ((parts.op === "=" || parts.op === "!=") && !field.number);
  let test: Predicate<T>;
  if (textual && field.text) test = textPredicate(field, parts.value, isKnown);
  else {
    const get = field.number;
    if (!get) throw new QueryError(`${field.name} is text; use ${field.name}:value.`, token.start, end);
    let op = parts.op;
    let raw = parts.value;
    if (op === ":") {
      const inner = /^(>=|<=|>|<|=)(.*)$/.exec(raw);
      op = inner?.[1] ?? "=";
      raw = inner?.[2] ?? raw;
    }
    const value = readNumber(raw, field.unit);
    if (value === undefined) {
      const example = field.unit === "duration" ? "24h" : field.unit === "bytes" ? "10M" : "80";
      throw new QueryError(`${field.name} needs a number, such as ${field.name}>${example}.`, valueAt, end);
    }
    const compare = COMPARE[op];
    if (!compare) throw new QueryError(`${op} is not a comparison.`, token.start, end);
    test = (row) => {
      const have = get(row);
      return have !== null && compare(have, value);
    };
  }
  if (textual && parts.op === "!=") {
    const inner = test;
    test = (row) => !inner(row);
  }
  return parts.minus ? (row) => !test(row) : test;
}

class Parser<T> {
  readonly #tokens: Token[];
  readonly #length: number;
  #at = 0;
  readonly #isKnown: IsKnown;
  readonly #language: Language<T>;
  constructor(tokens: Token[], length: number, language: Language<T>, isKnown: IsKnown) {
    this.#isKnown = isKnown;
    this.#language = language;
    this.#tokens = tokens.filter((token) => token.kind !== "space");
    this.#length = length;
  }

  parse(): Predicate<T> {
    if (this.#tokens.length === 0) return () => true;
    const result = this.#or();
    const extra = this.#tokens[this.#at];
    if (extra)
      throw new QueryError("There is no ( for this ).", extra.start, extra.start + extra.text.length);
    return result;
  }

  #or(): Predicate<T> {
    const parts = [this.#and()];
    while (this.#takeOp("OR", "||")) parts.push(this.#and());
    return parts.length === 1 && parts[0] ? parts[0] : (row) => parts.some((part) => part(row));
  }

  #and(): Predicate<T> {
    const parts = [this.#not()];
    for (;;) {
      const next = this.#tokens[this.#at];
      if (!next || next.text === ")" || (next.kind === "op" && (next.text === "OR" || next.text === "||")))
        break;
      this.#takeOp("AND", "&&");
      parts.push(this.#not());
    }
    return parts.length === 1 && parts[0] ? parts[0] : (row) => parts.every((part) => part(row));
  }

  #not(): Predicate<T> {
    const token = this.#tokens[this.#at];
    if (
      token &&
      (token.text === "NOT" || ((token.text === "-" || token.text === "!") && this.#opensNext()))
    ) {
      this.#at += 1;
      const inner = this.#not();
      return (row) => !inner(row);
    }
    return this.#primary();
  }

  #opensNext() {
    return this.#tokens[this.#at + 1]?.text === "(";
  }

  #primary(): Predicate<T> {
    const token = this.#tokens[this.#at];
    if (!token) {
      const last = this.#tokens[this.#at - 1];
      throw new QueryError(
        last && last.kind === "op" ? `Expected a filter after ${last.text}.` : "Expected a filter.",
        last?.start ?? 0,
        this.#length,
      );
    }
    const end = token.start + token.text.length;
    if (token.text === "(") {
      this.#at += 1;
      const inner = this.#or();
      const close = this.#tokens[this.#at];
      if (close?.text !== ")") throw new QueryError("A closing ) is missing.", token.start, this.#length);
      this.#at += 1;
      return inner;
    }
    if (token.text === ")") throw new QueryError("Expected a filter before ).", token.start, end);
    if (token.kind === "op")
      throw new QueryError(`Expected a filter before ${token.text}.`, token.start, end);
    this.#at += 1;
    return termPredicate(token, this.#language, this.#isKnown);
  }

  #takeOp(...names: string[]): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "op" || !names.includes(token.text)) return false;
    this.#at += 1;
    return true;
  }
}

export function parseQuery<T>(
  text: string,
  language: Language<T>,
  isKnown: IsKnown = () => true,
): ParsedQuery<T> {
  const tokens = tokenize(text);
  try {
    return { tokens, predicate: new Parser(tokens, text.length, language, isKnown).parse() };
  } catch (error) {
    if (error instanceof QueryError)
      return {
        tokens,
        error: { start: error.start, end: Math.max(error.end, error.start + 1), message: error.message },
      };
    throw error;
  }
}

/** Adds `field:value` to a query, or takes it out when it is there. */
export function toggleTerm(query: string, term: string): string {
  const words = query.split(/\s+/).filter(Boolean);
  const rest = words.filter((word) => word.toLowerCase() !== term.toLowerCase());
  return (rest.length < words.length ? rest : [...words, term]).join(" ");
}

export function hasTerm(query: string, term: string): boolean {
  return query.toLowerCase().split(/\s+/).includes(term.toLowerCase());
}

/** Quotes a value where it needs it. */
export const asTerm = (field: string, value: string): string =>
  /[\s()",]/.test(value) ? `${field}:"${value.replaceAll('"', "")}"` : `${field}:${value}`;
