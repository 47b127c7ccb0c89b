/** Reads the answer of `/api/push/setup`: sections of words, lines to paste and fields, nested as deep as they come. */
export interface PushPart {
  title: string;
  words: string[];
  /** Whole commands or texts to paste. */
  lines: string[];
  fields: [name: string, value: string][];
  parts: PushPart[];
}

const TITLE = ["title", "name", "label"];
const WORDS = ["description", "note", "help", "about", "where"];
const LINES = /^(commands?|lines?|text|body|template|script|config|headers?)$/i;

/** `metricServer` → "Metric server". */
const spaced = (key: string) => {
  const text = key
    .replaceAll(/[_-]/g, " ")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
};

function part(title: string, value: unknown): PushPart {
  const result: PushPart = { title, words: [], lines: [], fields: [], parts: [] };
  if (typeof value === "string") result.lines.push(value);
  else if (Array.isArray(value))
    for (const item of value) {
      if (typeof item === "string") result.lines.push(item);
      else if (item && typeof item === "object") result.parts.push(part("", item));
    }
  else if (value && typeof value === "object")
    for (const [key, inner] of Object.entries(value)) {
      if (TITLE.includes(key) && typeof inner === "string" && result.title !== inner && key !== "name")
        result.title = inner;
      else if (WORDS.includes(key) && typeof inner === "string") result.words.push(inner);
      else if (WORDS.includes(key) && Array.isArray(inner)) result.words.push(...inner.map(String));
      else if (LINES.test(key) && typeof inner === "string") result.lines.push(inner);
      else if (LINES.test(key) && Array.isArray(inner) && inner.every((l) => typeof l === "string"))
        result.lines.push(...(inner as string[]));
      else if (typeof inner === "string" && (inner.includes("\n") || inner.length > 90))
        result.lines.push(inner);
      else if (inner !== null && typeof inner === "object") result.parts.push(part(spaced(key), inner));
      else if (inner !== null && inner !== undefined && inner !== "")
        result.fields.push([spaced(key), String(inner)]);
    }
  return result;
}

export function readPush(answer: unknown): PushPart[] {
  const root = part("", answer);
  const own = root.words.length + root.lines.length + root.fields.length > 0;
  return own ? [root] : root.parts;
}
