import { describe, expect, it } from "vitest";
import type { PollHealth } from "@/api/settings";
import { healthOf, memorySources, sanitize } from "./health";

const poll = (more: Partial<PollHealth> = {}): PollHealth => ({
  key: "pve::a",
  type: "pve",
  displayName: "a",
  instance: "a",
  pollStatus: { lastSuccess: "2026-11-24T10:00:00Z", consecutiveFailures: 0 },
  breaker: { state: "closed", failureCount: 0 },
  deadLetter: { present: false },
  ...more,
});

describe("what a poll says", () => {
  it("works, fails, pauses, is given up", () => {
    expect(healthOf(poll()).level).toBe("ok");
    const error = { at: "", message: "timed out", category: "transient" };
    const failing = poll({ pollStatus: { lastSuccess: null, lastError: error, consecutiveFailures: 2 } });
    expect(healthOf(failing)).toEqual({ level: "warning", text: "2 failed in a row: timed out" });
    expect(healthOf({ ...failing, breaker: { state: "open", failureCount: 5 } }).level).toBe("critical");
    expect(healthOf({ ...failing, deadLetter: { present: true } }).text).toMatch(/^Given up/);
  });
  it("never asked is not fine", () => {
    const never = poll({ pollStatus: { lastSuccess: "0001-01-01T00:00:00Z", consecutiveFailures: 0 } });
    expect(healthOf(never).level).toBe("unknown");
  });
});

describe("a copy to hand on", () => {
  it("has no secret and no address, and keeps what is the same the same", () => {
    const clean = sanitize({
      host: "https://pve1.lan:8006",
      lastError: "pve1.lan:8006 and 10.20.0.2 refused pulse@pve!monitor",
      again: "10.20.0.2",
      tokens: [{ tokenValue: "abc", hint: "3f9a…b2d4", tokenCount: 3 }],
      password: "hunter2",
      version: "9.0.6",
    });
    const text = JSON.stringify(clean);
    for (const secret of ["pve1.lan", "10.20.0.2", "monitor", "abc", "3f9a", "hunter2"])
      expect(text).not.toContain(secret);
    expect(text).toContain("9.0.6");
    const { lastError, again } = clean as { lastError: string; again: string };
    expect(lastError).toContain(again);
  });
});

it("memory sources are counted, and silence is said", () => {
  expect(memorySources([{ memorySource: "agent" }, {}, { memorySource: "agent" }])).toEqual([
    { source: "agent", count: 2 },
    { source: "not said", count: 1 },
  ]);
});
