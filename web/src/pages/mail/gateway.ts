/** Figures of mail gateways. Pure; unknown is null, never 0. */
import type { PmgResource } from "@/api/types";
import { clockMinutes, percent } from "@/format/format";
import type { Level } from "@/model/level";

export type Queue = NonNullable<NonNullable<PmgResource["nodes"]>[number]["queueStatus"]>;

/** Messages in queues. */
export const QUEUE = { warning: 50, critical: 200 };

export const queueLevel = (waiting: number | null): Level =>
  waiting === null
    ? "unknown"
    : waiting >= QUEUE.critical
      ? "critical"
      : waiting >= QUEUE.warning
        ? "warning"
        : "ok";

/** The sum of what is known; null when nothing is. */
function sum(values: (number | null | undefined)[]): number | null {
  const known = values.filter((v): v is number => typeof v === "number");
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
}

export function sums(all: readonly PmgResource[]) {
  const mail = all.flatMap((g) => (g.mailStats ? [g.mailStats] : []));
  const queues = all.flatMap((g) => (g.nodes ?? []).flatMap((n) => (n.queueStatus ? [n.queueStatus] : [])));
  const total = sum(mail.map((m) => m.countTotal));
  const inbound = sum(mail.map((m) => m.countIn));
  const spam = sum(mail.map((m) => m.spamIn));
  const hoursKnown = Math.max(0, ...all.map((g) => g.mailCount?.length ?? 0));
  return {
    total,
    perHour: total !== null && hoursKnown > 0 ? total / hoursKnown : null,
    spam,
    spamShare: spam !== null && inbound ? (spam / inbound) * 100 : null,
    virus: sum(mail.map((m) => m.virusIn + m.virusOut)),
    quarantine: sum(
      all.flatMap((g) => {
        const q = g.quarantine;
        return q ? [q.spam, q.virus, q.attachment, q.blacklisted] : [];
      }),
    ),
    queue: sum(queues.map((q) => q.total)),
    oldest: queues.length > 0 ? Math.max(...queues.map((q) => q.oldestAge)) : null,
  };
}

export function gatewayState(gateway: PmgResource): { level: Level; text: string } {
  if (gateway.status !== "online") return { level: "critical", text: "Does not answer" };
  if (gateway.stale) return { level: "unknown", text: "Not heard for three intervals" };
  const away = (gateway.nodes ?? []).filter((n) => n.status !== "online");
  if (away.length > 0) return { level: "warning", text: `${away.map((n) => n.name).join(", ")} offline` };
  const waiting = sums([gateway]).queue;
  const level = queueLevel(waiting);
  if (level === "warning" || level === "critical") return { level, text: `${waiting} messages wait` };
  return { level: "ok", text: "Online" };
}

export const share = (part: number, whole: number): string =>
  whole > 0 ? `${percent((part / whole) * 100)} %` : "";

export interface Hour {
  label: string;
  words: string;
  good: number;
  spam: number;
  out: number;
}

export function hours(gateway: PmgResource): Hour[] {
  return (gateway.mailCount ?? []).slice(-24).map((h) => {
    const label = clockMinutes(new Date(h.timestamp));
    return {
      label,
      words: `${label}: ${Math.round(h.countIn)} in, of these ${Math.round(h.spamIn)} spam; ${Math.round(h.countOut)} out`,
      good: Math.max(0, h.countIn - h.spamIn),
      spam: h.spamIn,
      out: h.countOut,
    };
  });
}
