/** Which system settings there are, how they are typed, and within what bounds. */
import type { SystemSettings } from "@/api/settings";

interface Base {
  key: keyof SystemSettings & string;
  label: string;
  help: string;
  /** The variable that may hold it. */
  env?: string;
}
export type Setting =
  | (Base & { kind: "switch" })
  | (Base & { kind: "text"; placeholder?: string; check?: (text: string) => string })
  | (Base & { kind: "number"; unit: string; min: number; max: number; zero?: string; fallback: number })
  | (Base & { kind: "choice"; options: readonly string[]; fallback: string });

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;

export function badCidr(text: string): boolean {
  const m = CIDR.exec(text);
  return !m || m.slice(1, 5).some((part) => Number(part) > 255) || Number(m[5] ?? 32) > 32;
}
const parts = (text: string) =>
  text
    .split(",")
    .map((p) => p.trim())
    .filter(Boolean);
export function checkCidrs(text: string): string {
  const wrong = parts(text).find(badCidr);
  return wrong ? `${wrong} is not a network such as 192.168.1.0/24.` : "";
}
const checkSubnet = (text: string) => (text.trim() === "" || text.trim() === "auto" ? "" : checkCidrs(text));
const checkUrl = (text: string) =>
  text.trim() === "" || /^https?:\/\/[^\s/]+/.test(text.trim()) ? "" : "Begins with http:// or https://.";
const checkOrigins = (text: string) => {
  const wrong = parts(text).find((o) => o !== "*" && !/^https?:\/\/[^\s/]+$/.test(o));
  return wrong ? `${wrong} is not an origin such as https://home.lan.` : "";
};

export const GROUPS: readonly { title: string; about: string; settings: readonly Setting[] }[] = [
  {
    title: "Polling",
    about: "How often Pulse asks. Changes take effect with the next poll; nothing that is known is lost.",
    settings: [
      {
        kind: "number",
        key: "pvePollingInterval",
        label: "Virtual Environment",
        help: "Lists of guests, nodes and storage",
        unit: "s",
        min: 10,
        max: 3600,
        fallback: 10,
        env: "PVE_POLLING_INTERVAL",
      },
      {
        kind: "number",
        key: "pbsPollingInterval",
        label: "Backup Server",
        help: "Datastores and jobs",
        unit: "s",
        min: 10,
        max: 3600,
        fallback: 60,
        env: "PBS_POLLING_INTERVAL",
      },
      {
        kind: "number",
        key: "pmgPollingInterval",
        label: "Mail Gateway",
        help: "Queues and statistics",
        unit: "s",
        min: 10,
        max: 3600,
        fallback: 60,
        env: "PMG_POLLING_INTERVAL",
      },
      {
        kind: "switch",
        key: "backupPollingEnabled",
        label: "Read backups",
        help: "Files on storages and snapshots of guests",
        env: "ENABLE_BACKUP_POLLING",
      },
      {
        kind: "number",
        key: "backupPollingInterval",
        label: "Backups every",
        help: "Files and snapshots are long lists",
        unit: "s",
        min: 10,
        max: 604800,
        zero: "with the other polls",
        fallback: 0,
        env: "BACKUP_POLLING_INTERVAL",
      },
      {
        kind: "switch",
        key: "adaptivePollingEnabled",
        label: "Adaptive",
        help: "Asks more often while something changes, and seldom what never does",
        env: "ADAPTIVE_POLLING_ENABLED",
      },
      {
        kind: "number",
        key: "connectionTimeout",
        label: "Give up after",
        help: "Longest wait for an answer",
        unit: "s",
        min: 1,
        max: 300,
        zero: "factory value",
        fallback: 60,
        env: "CONNECTION_TIMEOUT",
      },
      {
        kind: "switch",
        key: "temperatureMonitoringEnabled",
        label: "Temperatures",
        help: "Read where the server or an agent offers them",
        env: "ENABLE_TEMPERATURE_MONITORING",
      },
    ],
  },
  {
    title: "History",
    about:
      "How long measured values are kept, at which detail. Shorter times free space with the next clean-up.",
    settings: [
      {
        kind: "number",
        key: "metricsRetentionRawHours",
        label: "Every value",
        help: "As it was measured",
        unit: "h",
        min: 1,
        max: 720,
        zero: "factory value",
        fallback: 2,
      },
      {
        kind: "number",
        key: "metricsRetentionMinuteHours",
        label: "By minute",
        help: "Mean, least and most of a minute",
        unit: "h",
        min: 1,
        max: 2160,
        zero: "factory value",
        fallback: 24,
      },
      {
        kind: "number",
        key: "metricsRetentionHourlyDays",
        label: "By hour",
        help: "Mean, least and most of an hour",
        unit: "d",
        min: 1,
        max: 1095,
        zero: "factory value",
        fallback: 7,
      },
      {
        kind: "number",
        key: "metricsRetentionDailyDays",
        label: "By day",
        help: "Mean, least and most of a day",
        unit: "d",
        min: 1,
        max: 3650,
        zero: "factory value",
        fallback: 90,
      },
    ],
  },
  {
    title: "Discovery",
    about:
      "Looks for Proxmox servers on your network, without signing in anywhere. This version keeps these settings and does not look yet.",
    settings: [
      {
        kind: "switch",
        key: "discoveryEnabled",
        label: "Look every hour",
        help: "What is found appears under Proxmox",
        env: "DISCOVERY_ENABLED",
      },
      {
        kind: "text",
        key: "discoverySubnet",
        label: "Networks",
        help: "auto, or networks with commas between them, such as 192.168.1.0/24",
        placeholder: "auto",
        check: checkSubnet,
        env: "DISCOVERY_SUBNET",
      },
    ],
  },
  {
    title: "Network",
    about: "How Pulse is reached and who may show it.",
    settings: [
      {
        kind: "text",
        key: "publicURL",
        label: "Public address",
        help: "Stands in notifications and in the commands for agents",
        placeholder: "https://pulse.example.net",
        check: checkUrl,
        env: "PULSE_PUBLIC_URL",
      },
      {
        kind: "text",
        key: "allowedOrigins",
        label: "Origins that may use the API",
        help: "Empty: only Pulse itself. * allows every page a browser has open",
        check: checkOrigins,
        env: "ALLOWED_ORIGINS",
      },
      {
        kind: "switch",
        key: "allowEmbedding",
        label: "Show in frames",
        help: "Of the origins below; a dashboard needs it",
      },
      {
        kind: "text",
        key: "allowedEmbedOrigins",
        label: "Origins that may frame it",
        help: "With commas between them",
        check: checkOrigins,
      },
      {
        kind: "text",
        key: "webhookAllowedPrivateCIDRs",
        label: "Private networks for webhooks",
        help: "Webhooks may go there; loopback and link-local stay closed",
        placeholder: "192.168.1.0/24",
        check: checkCidrs,
      },
    ],
  },
  {
    title: "Server",
    about: "",
    settings: [
      {
        kind: "choice",
        key: "logLevel",
        label: "Log",
        help: "How much the server writes to its log",
        options: ["error", "warn", "info", "debug", "trace"],
        fallback: "info",
        env: "LOG_LEVEL",
      },
    ],
  },
];

export type Draft = Record<string, string | boolean>;

export function asTyped(setting: Setting, settings: SystemSettings): string | boolean {
  const value = settings[setting.key];
  if (setting.kind === "switch") return value === true;
  if (value === undefined || value === null || value === "")
    return setting.kind === "number" || setting.kind === "choice" ? String(setting.fallback) : "";
  return String(value);
}

export function problem(setting: Setting, typed: string | boolean): string {
  if (setting.kind === "text") return setting.check?.(String(typed)) ?? "";
  if (setting.kind !== "number") return "";
  const text = String(typed).trim();
  if (!/^\d+$/.test(text)) return "A whole number.";
  const value = Number(text);
  if (value === 0 && setting.zero) return "";
  return value < setting.min || value > setting.max
    ? `Between ${setting.min} and ${setting.max} ${setting.unit}.`
    : "";
}

export const asSent = (setting: Setting, typed: string | boolean): unknown =>
  setting.kind === "number" ? Number(typed) : setting.kind === "switch" ? typed : String(typed).trim();

/** The variable that holds a setting, or empty. Servers name the setting, or its variable. */
export function lockedBy(setting: Setting, settings: SystemSettings): string {
  const locks = settings.envOverrides ?? {};
  for (const name of [setting.key, setting.env ?? ""]) {
    const held = name ? locks[name] : undefined;
    if (typeof held === "string") return held;
    if (held) return setting.env ?? name;
  }
  return "";
}
