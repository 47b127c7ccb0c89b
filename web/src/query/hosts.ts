/** The fields of hosts with an agent. */
import type { HostRow } from "@/model/host";
import { makeLanguage } from "./query";

export const HOSTS = makeLanguage<HostRow>({
  haystack: (row) => row.haystack,
  what: ["host", "hosts"],
  fields: [
    { name: "name", help: "name contains", text: (r) => [r.name, r.raw.hostname] },
    { name: "os", help: "system contains", text: (r) => r.os, values: (r) => [r.raw.osName ?? ""] },
    {
      name: "status",
      aliases: ["is"],
      help: "ok, problem, offline",
      exact: true,
      words: ["ok", "problem", "offline", "warning", "critical"],
      text: (r) => [r.level, r.offline ? "offline" : r.level === "ok" ? "ok" : "problem"],
      values: (r) => [r.offline ? "offline" : r.level === "ok" ? "ok" : "problem"],
    },
    {
      name: "tag",
      aliases: ["tags"],
      help: "has this tag",
      text: (r) => r.raw.tags ?? [],
      exact: true,
      values: (r) => r.raw.tags ?? [],
    },
    { name: "cpu", help: "percent of its cores", number: (r) => r.cpu, unit: "percent" },
    {
      name: "mem",
      aliases: ["memory"],
      help: "percent of its memory",
      number: (r) => r.mem,
      unit: "percent",
    },
    { name: "disk", help: "percent of its fullest disk", number: (r) => r.disk, unit: "percent" },
    { name: "load", help: "over one minute", number: (r) => r.load, unit: "count" },
    { name: "temp", help: "°C", number: (r) => r.temp, unit: "count" },
    { name: "uptime", help: "running for, such as 3d", number: (r) => r.uptime, unit: "duration" },
  ],
  examples: [
    ["disk>85", "percent of its fullest disk"],
    ["status:offline", "does not report"],
  ],
});
