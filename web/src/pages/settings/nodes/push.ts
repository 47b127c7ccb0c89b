/** Reads the answer of `/api/push/setup`. Tolerant: what is missing is left out, never invented. */
export interface PushTarget {
  /** The connection that it is for, with its kind. */
  title: string;
  /** To run on a node, as root. */
  commands: string[];
  /** The same in Proxmox's own pages: where, and what to enter. */
  path: string;
  fields: [name: string, value: string][];
}
export interface PushSetup {
  metricServers: PushTarget[];
  webhooks: PushTarget[];
  /** Stands in the lines where the token belongs. */
  placeholder: string;
  scope: string;
  /** Ports without a login: name and address, or empty when off. */
  listeners: [name: string, address: string][];
  listenersHint: string;
}

type Loose = Record<string, unknown>;
const object = (value: unknown): Loose => (value && typeof value === "object" ? (value as Loose) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

function target(value: unknown): PushTarget {
  const t = object(value);
  const gui = object(t.gui);
  const kind = text(t.type).toUpperCase();
  return {
    title: [text(t.instance), kind].filter(Boolean).join(", "),
    commands: list(t.commands).map(text).filter(Boolean),
    path: text(gui.path),
    fields: list(gui.fields)
      .map(object)
      .map((f) => [text(f.field), String(f.value ?? "")]),
  };
}

export function readPush(answer: unknown): PushSetup {
  const a = object(answer);
  const token = object(a.token);
  const listeners = object(a.listeners);
  return {
    metricServers: list(a.metricServers).map(target),
    webhooks: list(a.webhooks).map(target),
    placeholder: text(token.placeholder),
    scope: text(token.scope),
    listeners: Object.entries(listeners)
      .filter(([name]) => name !== "hint")
      .map(([name, address]) => [name, text(address)]),
    listenersHint: text(listeners.hint),
  };
}
