import { describe, expect, it } from "vitest";
import type { GuestResource } from "@/api/types";
import { Replica, type DeltaMessage, type SnapshotMessage } from "./replica";

const MIB = 1024 * 1024;

const guest = (vmid: number): GuestResource => ({
  id: `pve:n1:${vmid}`,
  vmid,
  name: `g${vmid}`,
  node: "n1",
  instance: "pve",
  status: "running",
  type: "qemu",
  cpu: 0.1,
  cpus: 2,
  memory: { total: 1000 * MIB, used: 100 * MIB, free: 900 * MIB, usage: 10 },
  mem: 100 * MIB,
  maxmem: 1000 * MIB,
  disk: { total: 4000 * MIB, used: 1000 * MIB, free: 3000 * MIB, usage: 25 },
  networkIn: 0,
  networkOut: 0,
  diskRead: 0,
  diskWrite: 0,
  uptime: 100,
  template: false,
  lastSeen: 1_000_000,
});

const snapshot = (): SnapshotMessage => ({
  type: "snapshot",
  version: 5,
  at: 1_000_000,
  state: {
    nodes: [],
    vms: [guest(1), guest(2)],
    containers: [],
    storage: [],
    hosts: [],
    connectionHealth: { a: true },
  },
  handles: { vms: [11, 12] },
});

const delta = (part: Partial<DeltaMessage>): DeltaMessage => ({
  type: "delta",
  from: 5,
  version: 6,
  at: 1_010_000,
  ...part,
});

describe("replica", () => {
  it("patches columns, parallel and scalar, and derives the rest", () => {
    const replica = new Replica();
    replica.snapshot(snapshot());
    const before = replica.tables.vms.get(11);
    const changes = replica.delta(
      delta({
        vms: {
          patch: [
            { h: [11, 12], cpu: [0.5, 0.25], mem: [500, 200], disk: [2000, 3000], lastSeen: 1_010_000 },
          ],
        },
      }),
    );
    const one = replica.tables.vms.get(11);
    expect(one).toBe(before);
    expect(one).toMatchObject({ cpu: 0.5, mem: 500 * MIB, uptime: 110, lastSeen: 1_010_000 });
    expect(one?.memory).toMatchObject({ used: 500 * MIB, free: 500 * MIB, usage: 50 });
    expect(replica.tables.vms.get(12)?.disk).toMatchObject({ usage: 75 });
    expect(changes).toMatchObject({ structure: false, touched: { vms: [11, 12] } });
  });

  it("deletes, puts and sets, in that order", () => {
    const replica = new Replica();
    replica.snapshot(snapshot());
    const changes = replica.delta(
      delta({ vms: { del: [11], put: [[13, guest(3)]] }, set: { connectionHealth: { a: false } } }),
    );
    expect([...replica.tables.vms.keys()]).toEqual([12, 13]);
    expect(replica.rest.connectionHealth).toEqual({ a: false });
    expect(changes?.structure).toBe(true);
  });

  it("moves the boot time", () => {
    const replica = new Replica();
    replica.snapshot(snapshot());
    replica.delta(delta({ vms: { patch: [{ h: [11], boot: [1_005], lastSeen: 1_010_000 }] } }));
    expect(replica.tables.vms.get(11)?.uptime).toBe(5);
  });

  it("refuses a gap and keeps what it has", () => {
    const replica = new Replica();
    replica.snapshot(snapshot());
    expect(replica.delta(delta({ from: 7, vms: { del: [11] } }))).toBeUndefined();
    expect(replica.tables.vms.size).toBe(2);
    expect(replica.version).toBe(5);
  });

  it("ignores handles it does not know", () => {
    const replica = new Replica();
    replica.snapshot(snapshot());
    expect(replica.delta(delta({ vms: { patch: [{ h: [99], cpu: 1 }] } }))?.touched.vms).toEqual([]);
  });

  it("keeps collections that are sent whole, and the time of their last answer", () => {
    const replica = new Replica();
    const first = snapshot();
    replica.snapshot({
      ...first,
      state: {
        ...first.state,
        pbs: [{ id: "pbs-a", lastSeen: "2026-01-01T00:00:00Z" }],
        physicalDisks: [{ id: "d", lastSeen: 1, lastChecked: "x" }],
        revisions: { backups: 1, snapshots: 1, tasks: 1 },
      } as SnapshotMessage["state"],
      handles: { ...first.handles, pbs: [21], physicalDisks: [22] },
    });
    expect(replica.rest.pbs).toBeUndefined();
    const changes = replica.delta(
      delta({
        pbs: { patch: [{ h: [21], lastSeen: 1_767_225_610_000 }] },
        physicalDisks: { patch: [{ h: [22], lastSeen: 1_767_225_610_000 }] },
        cephClusters: { put: [[23, { id: "ceph" }]] },
        set: { revisions: { backups: 6, snapshots: 1, tasks: 6 } },
      }),
    );
    expect(replica.tables.pbs.get(21)?.lastSeen).toBe("2026-01-01T00:00:10.000Z");
    expect(replica.tables.physicalDisks.get(22)).toMatchObject({
      lastSeen: 1_767_225_610_000,
      lastChecked: "2026-01-01T00:00:10.000Z",
    });
    expect(replica.tables.cephClusters.get(23)?.id).toBe("ceph");
    expect(changes?.touched.pbs).toEqual([21]);
    expect(replica.rest.revisions).toEqual({ backups: 6, snapshots: 1, tasks: 6 });
  });
});
