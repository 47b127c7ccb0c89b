import { describe, expect, it } from "vitest";
import type { BackupJob, BackupTable, CoveredGuest } from "@/api/backups";
import { byGuest, dayOf, makeCoverage, makeRows, pauseOf, perDay, snapshotRows } from "./rows";

const NOW = new Date(2026, 10, 24, 12).getTime();
const DAY = 86_400_000;
const guestOf = (instance: string, vmid: number) =>
  instance === "lab" && vmid === 100 ? { name: "web", node: "a" } : undefined;

const table: BackupTable = {
  count: 4,
  newest: NOW / 1000,
  groups: [
    {
      source: "pbs",
      instance: "pbs1",
      store: "main",
      kind: "vm",
      id: "100",
      guestInstance: "lab",
      evidence: "comment",
    },
    { source: "pbs", instance: "pbs1", store: "main", kind: "vm", id: "101", candidates: ["lab", "fra"] },
    { source: "pbs", instance: "pbs1", store: "main", kind: "host", id: "nas" },
    { source: "pbs", instance: "pbs1", store: "main", kind: "ct", id: "999" },
  ],
  comments: ["", "before"],
  rows: {
    group: [0, 0, 1, 3],
    older: [0, 86_400, 3600, 10],
    size: [5, -1, 7, 8],
    flags: [1 + 8, 16, 2, 4],
    comment: [0, 1, 0, 0],
  },
};

describe("rows of the table", () => {
  const rows = makeRows(table, guestOf);
  it("come with times, names and flags", () => {
    expect(rows.map((r) => (NOW - r.time) / 1000)).toEqual([0, 86_400, 90_000, 90_010]);
    expect(rows[0]).toMatchObject({
      name: "web",
      node: "a",
      verified: "ok",
      encrypted: true,
      reason: "comment",
      level: "ok",
    });
    expect(rows[1]).toMatchObject({ size: null, comment: "before", level: "notice" });
    expect(rows[3]).toMatchObject({ protected: true, verified: "none" });
  });
  it("a damaged one is critical, whoever it is of", () => expect(rows[2]?.level).toBe("critical"));
  it("say whose they are, and why that is not known", () => {
    expect(rows.map((r) => r.attribution)).toEqual(["guest", "guest", "ambiguous", "none"]);
    expect(rows[2]?.reason).toContain("lab and fra");
    expect(rows[3]).toMatchObject({ level: "unknown", name: "" });
  });
  it("keep the id of a backup over an update", () =>
    expect(makeRows(table, () => undefined).map((r) => r.id)).toEqual(rows.map((r) => r.id)));
  it("sum up per day", () => {
    const days = perDay(rows, 7, NOW);
    expect(days).toHaveLength(7);
    expect(days.at(-1)?.pbs).toBe(1);
    expect(days.at(-2)?.pbs).toBe(3);
  });
  it("marks of a guest's days; what is ambiguous is nobody's", () => {
    const snapshots = snapshotRows(
      [
        {
          id: "s",
          name: "old",
          node: "a",
          instance: "lab",
          type: "qemu",
          vmid: 100,
          time: new Date(NOW - 40 * DAY).toISOString(),
        },
      ],
      guestOf,
    );
    const guests = byGuest([...rows, ...snapshots], NOW);
    const web = guests.get("lab/100");
    expect(web?.days.slice(-3)).toBe("-bv");
    expect(web?.oldestSnapshot).toBe(NOW - 40 * DAY);
    expect(guests.has("lab/101")).toBe(false);
  });
});

describe("coverage", () => {
  const job: BackupJob = { id: "n", instance: "lab", enabled: true, schedule: "01:00", storage: "pbs1" };
  const jobs = new Map([["lab/n", job]]);
  const guest = (more: Partial<CoveredGuest>): CoveredGuest => ({
    id: "x",
    instance: "lab",
    node: "a",
    vmid: 100,
    name: "web",
    type: "qemu",
    jobs: ["n"],
    verified: true,
    count: 3,
    lastGood: NOW - DAY / 2,
    ...more,
  });
  const state = (more: Partial<CoveredGuest>) => makeCoverage(guest(more), jobs, undefined, NOW);
  it("says what is wrong", () => {
    expect(state({}).state).toBe("ok");
    expect(state({ verified: false }).state).toBe("unverified");
    expect(state({ lastGood: NOW - 3 * DAY }).state).toBe("late");
    expect(state({ jobs: [], reason: "no job" })).toMatchObject({ state: "uncovered", level: "warning" });
    const { lastGood: _, ...bare } = guest({ jobs: [], reason: "no job", count: 0 });
    expect(makeCoverage(bare, jobs, undefined, NOW)).toMatchObject({ state: "uncovered", level: "critical" });
    expect(makeCoverage({ ...bare, jobs: ["n"], reason: "no backup" }, jobs, undefined, NOW).state).toBe(
      "none",
    );
    expect(
      makeCoverage({ ...bare, reason: "only damaged backups", jobs: ["n"], damaged: 2 }, jobs, undefined, NOW)
        .state,
    ).toBe("damaged");
    expect(state({ jobs: [], reason: "jobs not known" }).state).toBe("unknown");
    expect(state({ template: true, jobs: [] }).state).toBe("excluded");
  });
  it("reads how often a job runs, on the patient side", () => {
    const days = (text: string) => pauseOf(text) / DAY;
    expect(["01:00", "sat 04:00", "mon,thu 02:00", "mon..fri 21:00", "monthly", "weekly"].map(days)).toEqual([
      1, 7, 4, 3, 31, 7,
    ]);
  });
});

it("days are local days", () => expect(dayOf(new Date(2026, 0, 5, 23, 59))).toBe("2026-01-05"));
