/** What can be asked of backups and of coverage. */
import { makeLanguage } from "@/query/query";
import { haystack, SOURCE_WORD, STATE_WORD, type BackupRow, type CoverageRow } from "./rows";

const yes = (value: boolean) => (value ? "yes" : "no");

export const BACKUPS = makeLanguage<BackupRow>({
  haystack,
  what: ["backup", "backups"],
  fields: [
    {
      name: "name",
      aliases: ["guest"],
      help: "guest's name contains",
      text: (r) => r.name,
      values: (r) => [r.name],
    },
    { name: "id", aliases: ["vmid"], help: "VMID or host name", text: (r) => r.backupId, exact: true },
    {
      name: "source",
      help: "pbs, storage, snapshot or mail",
      text: (r) => [r.source, SOURCE_WORD[r.source].toLowerCase()],
      exact: true,
      words: ["pbs", "pve", "snapshot", "pmg", "storage", "mail"],
      values: (r) => [r.source],
    },
    {
      name: "type",
      help: "vm, ct or host",
      text: (r) => r.kind,
      exact: true,
      words: ["vm", "ct", "host"],
      values: (r) => [r.kind],
    },
    {
      name: "verified",
      help: "ok, failed or no",
      text: (r) => (r.verified === "none" ? "no" : r.verified === "ok" ? ["ok", "yes"] : r.verified),
      exact: true,
      words: ["ok", "yes", "no", "failed"],
      values: (r) => [r.verified === "none" ? "no" : r.verified],
    },
    {
      name: "protected",
      help: "yes or no",
      text: (r) => yes(r.protected),
      exact: true,
      words: ["yes", "no"],
      values: (r) => [yes(r.protected)],
    },
    {
      name: "encrypted",
      help: "yes or no",
      text: (r) => yes(r.encrypted),
      exact: true,
      words: ["yes", "no"],
      values: (r) => [yes(r.encrypted)],
    },
    {
      name: "belongs",
      aliases: ["attribution"],
      help: "guest, ambiguous or none",
      text: (r) => r.attribution,
      exact: true,
      words: ["guest", "ambiguous", "none"],
      values: (r) => [r.attribution],
    },
    {
      name: "store",
      aliases: ["storage", "datastore"],
      help: "storage or datastore",
      text: (r) => r.store,
      values: (r) => [r.store],
    },
    {
      name: "namespace",
      aliases: ["ns"],
      help: "of a datastore",
      text: (r) => r.namespace,
      values: (r) => [r.namespace],
    },
    {
      name: "server",
      aliases: ["instance", "pbs"],
      help: "server or cluster that has it",
      text: (r) => r.instance,
      exact: true,
      values: (r) => [r.instance],
    },
    { name: "node", help: "node of the guest", text: (r) => r.node, exact: true, values: (r) => [r.node] },
    { name: "owner", help: "account that made it", text: (r) => r.owner, values: (r) => [r.owner] },
    { name: "comment", aliases: ["notes"], help: "comment contains", text: (r) => r.comment },
    { name: "date", help: "day or month, such as 2026-11-24", text: (r) => r.day },
    {
      name: "age",
      help: "older or younger than, such as age>30d",
      number: (r) => (r.time > 0 ? (Date.now() - r.time) / 1000 : null),
      unit: "duration",
    },
    { name: "size", help: "such as size>50G", number: (r) => r.size, unit: "bytes" },
  ],
  examples: [
    ["verified:no age>7d", "a week old and never verified"],
    ["source:snapshot age>30d", "old snapshots"],
    ["protected:yes", "is not pruned"],
  ],
});

export const COVERAGE = makeLanguage<CoverageRow>({
  haystack: (r) => r.haystack,
  what: ["guest", "guests"],
  fields: [
    { name: "name", help: "name contains", text: (r) => r.name, values: (r) => [r.name] },
    { name: "id", aliases: ["vmid"], help: "VMID", text: (r) => String(r.raw.vmid), exact: true },
    { name: "node", help: "runs on", text: (r) => r.raw.node, exact: true, values: (r) => [r.raw.node] },
    {
      name: "cluster",
      aliases: ["instance"],
      help: "cluster or server",
      text: (r) => r.raw.instance,
      exact: true,
      values: (r) => [r.raw.instance],
    },
    {
      name: "state",
      help: Object.keys(STATE_WORD).join(", "),
      text: (r) => r.state,
      exact: true,
      words: Object.keys(STATE_WORD),
      values: (r) => [r.state],
    },
    {
      name: "job",
      help: "is in this job",
      text: (r) => r.jobs.map((j) => j.id),
      values: (r) => r.jobs.map((j) => j.id),
    },
    {
      name: "type",
      help: "vm or ct",
      text: (r) => (r.raw.type === "qemu" ? "vm" : "ct"),
      exact: true,
      words: ["vm", "ct"],
    },
    {
      name: "age",
      help: "of the last good backup, such as age>2d",
      number: (r) => (r.raw.lastGood ? (Date.now() - r.raw.lastGood) / 1000 : null),
      unit: "duration",
    },
    {
      name: "snapshot",
      help: "age of its oldest snapshot, such as snapshot>30d",
      number: (r) => (r.more?.oldestSnapshot ? (Date.now() - r.more.oldestSnapshot) / 1000 : null),
      unit: "duration",
    },
  ],
  examples: [
    ["age>2d", "last good backup is older"],
    ["snapshot>30d", "has a snapshot older than that"],
    ["state:uncovered", "no job selects it"],
  ],
});
