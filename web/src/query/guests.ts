/** The fields of guests. */
import type { GuestRow } from "@/model/guest";
import { makeLanguage, type Field } from "./query";

const STATUS_WORDS = [
  "running",
  "off",
  "stopped",
  "paused",
  "unknown",
  "ok",
  "warning",
  "critical",
  "problem",
  "problems",
  "template",
  "locked",
] as const;

const power = (row: GuestRow): string[] => {
  const words: string[] = [row.power, row.level, row.raw.status.toLowerCase()];
  if (row.power === "off") words.push("stopped");
  if (row.level === "warning" || row.level === "critical") words.push("problem", "problems");
  if (row.raw.template) words.push("template");
  if (row.raw.lock) words.push("locked");
  return words;
};

const FIELDS: readonly Field<GuestRow>[] = [
  { name: "name", help: "name contains", text: (r) => r.name },
  { name: "node", help: "runs on this node", text: (r) => r.node, values: (r) => [r.node] },
  {
    name: "tag",
    aliases: ["tags"],
    help: "has this tag",
    text: (r) => r.tags,
    exact: true,
    values: (r) => r.tags,
  },
  {
    name: "status",
    aliases: ["is", "state"],
    help: "running, off, paused, unknown, warning",
    text: power,
    exact: true,
    words: STATUS_WORDS,
    values: (r) => (r.level === "warning" ? [r.power, "problem"] : [r.power]),
  },
  {
    name: "type",
    aliases: ["kind"],
    help: "vm or ct",
    text: (r) => (r.kind === "VM" ? ["vm", "qemu"] : ["ct", "lxc", r.raw.type.toLowerCase()]),
    exact: true,
    words: ["vm", "ct", "qemu", "lxc", "oci"],
    values: (r) => [r.kind.toLowerCase()],
  },
  {
    name: "id",
    aliases: ["vmid"],
    help: "guest id",
    text: (r) => String(r.vmid),
    number: (r) => r.vmid,
    unit: "count",
  },
  { name: "pool", help: "resource pool", text: (r) => r.pool, exact: true, values: (r) => [r.pool] },
  {
    name: "instance",
    aliases: ["cluster"],
    help: "cluster or connection",
    text: (r) => r.instance,
    values: (r) => [r.instance],
  },
  {
    name: "os",
    help: "operating system",
    text: (r) => `${r.raw.osName ?? ""} ${r.raw.osVersion ?? ""}`,
    values: (r) => [r.raw.osName ?? ""],
  },
  { name: "ip", help: "address contains", text: (r) => r.raw.ipAddresses ?? [] },
  { name: "lock", help: "locked by", text: (r) => r.raw.lock ?? "" },
  { name: "cpu", help: "percent of its cores", number: (r) => r.cpu, unit: "percent" },
  {
    name: "mem",
    aliases: ["memory"],
    help: "percent of assigned memory",
    number: (r) => r.mem,
    unit: "percent",
  },
  { name: "disk", help: "percent of its disk", number: (r) => r.disk, unit: "percent" },
  {
    name: "net",
    help: "bytes per second, in and out",
    number: (r) => (r.netIn === null ? null : r.netIn + (r.netOut ?? 0)),
    unit: "bytes",
  },
  {
    name: "io",
    help: "bytes per second, read and written",
    number: (r) => (r.read === null ? null : r.read + (r.write ?? 0)),
    unit: "bytes",
  },
  {
    name: "cores",
    aliases: ["cpus", "vcpu"],
    help: "virtual CPUs",
    number: (r) => r.raw.cpus,
    unit: "count",
  },
  { name: "ram", help: "assigned memory", number: (r) => r.memTotal, unit: "bytes" },
  { name: "uptime", help: "running for, such as 3d", number: (r) => r.uptime, unit: "duration" },
  {
    name: "backup",
    help: "age of the last backup, such as 24h",
    number: (r) => (r.backup === null ? Number.POSITIVE_INFINITY : (Date.now() - r.backup) / 1000),
    unit: "duration",
  },
];

export const GUESTS = makeLanguage<GuestRow>({
  fields: FIELDS,
  haystack: (row) => row.haystack,
  what: ["guest", "guests"],
  examples: [
    ["mem>90", "percent of assigned memory"],
    ["status:problem", "over a limit now"],
    ["cpu>50 AND (type:vm OR cores>4)", "AND, OR, NOT, ( )"],
    ["-status:off", "everything but stopped"],
  ],
});
