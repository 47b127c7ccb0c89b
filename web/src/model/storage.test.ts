import { describe, expect, it } from "vitest";
import type { StorageWithParts } from "@/api/proxmox";
import type { Context } from "./level";
import { daysUntilFull, growth, makePool } from "./storage";

const ctx: Context = { at: 1_000_000, interval: 10, offlineNodes: new Set(), health: {} };
const storage = (over: Partial<StorageWithParts>): StorageWithParts => ({
  id: "a",
  storage: "tank",
  name: "tank",
  node: "pve1",
  instance: "fra",
  type: "dir",
  status: "available",
  total: 1000,
  used: 500,
  avail: 500,
  free: 500,
  usage: 50,
  content: "iso,vztmpl",
  shared: false,
  enabled: true,
  active: true,
  lastSeen: 1_000_000,
  ...over,
});
const level = (over: Partial<StorageWithParts>) => makePool(storage(over), ctx).level;

describe("a storage's state", () => {
  it("follows from what is known", () => {
    expect(level({})).toBe("ok");
    expect(level({ usage: 86 })).toBe("warning");
    expect(level({ usage: 96 })).toBe("critical");
    expect(level({ status: "inactive" })).toBe("critical");
    expect(level({ status: "disabled" })).toBe("off");
    expect(level({ stale: true, usage: 99 })).toBe("unknown");
    expect(level({ lastSeen: 1_000_000 - 95_000 })).toBe("unknown");
  });

  it("has no use that nobody measured", () => {
    expect(makePool(storage({ total: 0, usage: 0 }), ctx).used).toBeNull();
    expect(makePool(storage({ status: "inactive" }), ctx).used).toBeNull();
  });

  it("sees full metadata of a thin pool before its data is full", () => {
    const thinPool = {
      volumeGroup: "pve",
      name: "data",
      size: 100,
      used: 40,
      usage: 40,
      metadataSize: 10,
      metadataUsed: 9.3,
      metadataUsage: 93,
    };
    const row = makePool(storage({ thinPool }), ctx);
    expect(row.level).toBe("critical");
    expect(row.why).toContain("metadata 93 % full");
  });
});

describe("growth", () => {
  const day = 86_400_000;
  const times = Array.from({ length: 20 }, (_, i) => i * day * 0.5);
  it("is the slope per day", () => {
    expect(
      growth(
        times,
        times.map((t) => 40 + (t / day) * 2),
      ),
    ).toBeCloseTo(2);
  });
  it("says nothing of a short or empty series", () => {
    expect(growth(times.slice(0, 4), [1, 2, 3, 4])).toBeNull();
    expect(
      growth(
        times.map((t) => t / 100),
        times.map(() => 1),
      ),
    ).toBeNull();
  });
  it("ends where the storage is full", () => {
    expect(daysUntilFull(90, 2)).toBe(5);
    expect(daysUntilFull(90, -1)).toBeNull();
    expect(daysUntilFull(null, 2)).toBeNull();
    expect(daysUntilFull(10, 0.02)).toBeNull();
  });
});
