import { describe, expect, it } from "vitest";
import type { CephResource } from "@/api/proxmox";
import { groupsOf, healthLevel, makeOsd } from "./ceph";

const ceph: CephResource = {
  id: "fra-x",
  instance: "fra",
  name: "Ceph",
  health: "HEALTH_OK",
  totalBytes: 1,
  usedBytes: 0,
  availableBytes: 1,
  usagePercent: 0,
  numMons: 3,
  numMgrs: 1,
  numOsds: 1,
  numOsdsUp: 1,
  numOsdsIn: 1,
  numPGs: 513,
  numMonsInQuorum: 3,
  readBytesPerSec: 0,
  writeBytesPerSec: 0,
  readOpsPerSec: 0,
  writeOpsPerSec: 0,
  lastUpdated: 0,
  lastSeen: 0,
};
const osd = (up: boolean, inside: boolean, percentUsed = 40) =>
  makeOsd(ceph, { id: 3, host: "pve1", up, in: inside, percentUsed }).level;

describe("ceph", () => {
  it("takes its health from Ceph, and from nobody when the report is old", () => {
    expect(["HEALTH_OK", "HEALTH_WARN", "HEALTH_ERR", ""].map((h) => healthLevel(h))).toEqual([
      "ok",
      "warning",
      "critical",
      "unknown",
    ]);
    expect(healthLevel("HEALTH_OK", true)).toBe("unknown");
  });
  it("tells a lost OSD from one that was taken out", () => {
    expect(osd(true, true)).toBe("ok");
    expect(osd(true, false)).toBe("notice");
    expect(osd(false, true)).toBe("critical");
    expect(osd(false, false)).toBe("warning");
    expect(osd(true, true, 90)).toBe("warning");
  });
  it("counts scrubbing groups as clean", () => {
    expect(
      groupsOf({
        ...ceph,
        pgStates: { "active+clean": 300, "active+clean+scrubbing+deep": 2, "active+undersized+degraded": 9 },
      }),
    ).toEqual({ clean: 302, rest: [["active+undersized+degraded", 9]] });
  });
});
