/** What the scheduler says about a connection, in one shape and a few words. Pure. */
import type { PollHealth } from "@/api/settings";
import type { Level } from "@/model/level";

export const at = (text: string | null | undefined): number => {
  const ms = text ? Date.parse(text) : 0;
  // "Never" comes as year 1.
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
};

export function healthOf(poll: PollHealth): { level: Level; text: string } {
  const error = poll.pollStatus.lastError?.message;
  if (poll.deadLetter.present)
    return { level: "critical", text: `Given up for now${error ? `: ${error}` : ""}` };
  if (poll.breaker.state === "open")
    return {
      level: "critical",
      text: `Paused after ${poll.breaker.failureCount} failures${error ? `: ${error}` : ""}`,
    };
  if (poll.pollStatus.consecutiveFailures > 0)
    return {
      level: "warning",
      text: `${poll.pollStatus.consecutiveFailures} failed in a row${error ? `: ${error}` : ""}`,
    };
  if (poll.breaker.state === "half_open" || poll.breaker.state === "half-open")
    return { level: "notice", text: "Trying again" };
  if (!at(poll.pollStatus.lastSuccess)) return { level: "unknown", text: "Not asked yet" };
  return { level: "ok", text: "Works" };
}

const SECRET = /hint|token|secret|password|passwd|cookie|authorization|ticket|credential|apikey|private/i;
const HOSTISH =
  /^(host|hostname|ip|ips|address|addresses|url|guesturl|endpoint|connection|fingerprint|mac|publicurl|subnet|configuredsubnet|subnets|subnetallowlist)$/i;

/**
 * A copy to hand to somebody else: secrets never, addresses replaced by numbered stand-ins, so that the same
 * address stays recognisable. Counts and dates of tokens stay.
 */
export function sanitize(value: unknown): unknown {
  const names = new Map<string, string>();
  const stand = (text: string) => {
    if (text === "") return text;
    const known = names.get(text) ?? `<address-${names.size + 1}>`;
    names.set(text, known);
    return known;
  };
  const inText = (text: string) =>
    text
      .replaceAll(/https?:\/\/[^\s"',)]+/g, stand)
      .replaceAll(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, stand)
      // Names with a domain; versions have no letters after their last dot.
      .replaceAll(/\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b/gi, stand)
      .replaceAll(/\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b/gi, stand)
      .replaceAll(/\b[A-Za-z0-9._-]+@[a-z]+![A-Za-z0-9._-]+/g, "<token-id>");
  const walk = (v: unknown, key: string): unknown => {
    if (typeof v === "string") {
      if (SECRET.test(key) && !/count|note|at$|source|version/i.test(key)) return "<redacted>";
      return HOSTISH.test(key) ? stand(v) : inText(v);
    }
    if (Array.isArray(v)) return v.map((item) => walk(item, key));
    if (v && typeof v === "object")
      return Object.fromEntries(Object.entries(v).map(([k, item]) => [k, walk(item, k)]));
    return v;
  };
  return walk(value, "");
}

/** How many guests and nodes have their memory from which source. */
export function memorySources(
  resources: readonly { memorySource?: string | undefined }[],
): { source: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const r of resources) {
    const source = r.memorySource || "not said";
    counts.set(source, (counts.get(source) ?? 0) + 1);
  }
  return [...counts].map(([source, count]) => ({ source, count })).sort((a, b) => b.count - a.count);
}
