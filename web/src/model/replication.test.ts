import { describe, expect, it } from "vitest";
import type { ReplicationResource } from "@/api/proxmox";
import type { Context } from "./level";
import { makeJob } from "./replication";

const at = 10_000_000;
const ctx: Context = { at, interval: 10, offlineNodes: new Set(), health: {} };
const job = (over: Partial<ReplicationResource>) =>
  makeJob(
    {
      id: "fra-100-0",
      instance: "fra",
      jobId: "100-0",
      enabled: true,
      lastSyncStatus: "ok",
      lastSyncTime: at - 60_000,
      nextSyncTime: at + 60_000,
      polledAt: at,
      lastSeen: at,
      ...over,
    },
    ctx,
  );

describe("a replication job", () => {
  it("is as healthy as its last run", () => {
    expect(job({}).level).toBe("ok");
    expect(job({ failCount: 1, error: "exit code 1" }).level).toBe("warning");
    expect(job({ failCount: 3 })).toMatchObject({ level: "critical", why: "Failed 3 times in a row" });
    expect(job({ enabled: false, failCount: 3 }).level).toBe("off");
    expect(job({ stale: true }).level).toBe("unknown");
  });
  it("is overdue when its time has passed by more than Proxmox needs to look", () => {
    expect(job({ nextSyncTime: at - 60_000 }).level).toBe("ok");
    expect(job({ nextSyncTime: at - 3_600_000 })).toMatchObject({ level: "warning", why: "Overdue by 1 h" });
    expect(job({ nextSyncTime: at - 3_600_000, lastSyncStatus: "syncing" }).level).toBe("ok");
  });
  it("tells a run of no seconds from one that nobody measured", () => {
    expect(job({ durationHuman: "00:00:00" }).took).toBe(0);
    expect(job({}).took).toBeNull();
  });
});
