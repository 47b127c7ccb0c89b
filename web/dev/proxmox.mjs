// What a Proxmox estate has beside nodes and guests: storage, disks, ZFS, Ceph, clusters, replication, tasks.
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const DAY = 86_400_000;
const HOUR = 3_600_000;

const MODELS = [
  ["nvme", "SAMSUNG MZQL23T8HCLS-00A07", 3.49 * TIB, 0],
  ["ssd", "INTEL SSDSC2KG960G8", 894 * GIB, 0],
  ["hdd", "WDC WUH721816AL5204", 14.5 * TIB, 7200],
];

function disks(node, n, rnd, now, calm) {
  const off = node.status !== "online";
  return Array.from({ length: 6 }, (_, i) => {
    const [type, model, size, rpm] = MODELS[i < 2 ? 0 : i < 4 ? 1 : 2];
    const devPath = type === "nvme" ? `/dev/nvme${i}n1` : `/dev/sd${"abcd"[i - 2]}`;
    const failed = !calm && n === 0 && i === 3;
    const worn = !calm && n === 1 && i === 1;
    const standby = type === "hdd" && n % 3 === 1 && i === 5;
    return {
      id: `${node.instance}-${node.name}${devPath.replaceAll("/", "-")}`,
      node: node.name,
      instance: node.instance,
      devPath,
      model,
      serial: `S6${(n * 31 + i * 7 + 4096).toString(16).toUpperCase()}X`,
      wwn: `0x5002538b${(n * 1000 + i).toString(16).padStart(8, "0")}`,
      type,
      size,
      health: failed ? "FAILED" : standby ? "UNKNOWN" : type === "nvme" ? "OK" : "PASSED",
      wearout: type === "hdd" ? -1 : worn ? 7 : Math.round(99 - rnd() * 28),
      temperature: standby ? 0 : Math.round((type === "nvme" ? 40 : 31) + rnd() * 9 + (worn ? 14 : 0)),
      rpm,
      used: i < 2 ? "LVM" : i < 4 ? "ZFS" : n === 0 ? "Ceph" : "ZFS",
      ...(standby ? { standby: true } : {}),
      lastChecked: new Date(now - 240_000).toISOString(),
      lastSeen: off ? now - 372_000 : now - 240_000,
      ...(off ? { stale: true } : {}),
    };
  });
}

function zfsPools(node, n, rnd, now, calm) {
  const base = {
    id: `${node.instance}-${node.name}-tank`,
    instance: node.instance,
    node: node.name,
    name: "tank",
    state: "ONLINE",
    status: "",
    scan: "scrub repaired 0B in 04:12:31 with 0 errors on Sun Nov  8 04:36:32 2026",
    readErrors: 0,
    writeErrors: 0,
    checksumErrors: 0,
    devices: [],
    lastScan: { resilver: false, finished: now - (9 + n * 3) * DAY, errors: 0 },
    size: 14.5 * TIB,
    allocated: 14.5 * TIB * (0.35 + rnd() * 0.4),
    fragmentation: Math.round(8 + rnd() * 22),
    lastSeen: now - 180_000,
  };
  if (calm) return [base];
  if (n === 0)
    return [
      {
        ...base,
        state: "DEGRADED",
        status:
          "One or more devices is being resilvered; the pool keeps working with less redundancy meanwhile.",
        scan: "resilver in progress since Tue Nov 24 12:02:11 2026, 6.31T scanned, 42.70% done, 03:14:02 to go",
        lastScan: { resilver: true, progress: 42.7, errors: 0 },
        readErrors: 12,
        checksumErrors: 3,
        devices: [
          {
            name: "mirror-0",
            type: "mirror",
            state: "DEGRADED",
            readErrors: 0,
            writeErrors: 0,
            checksumErrors: 0,
          },
          {
            name: "/dev/sdb",
            type: "disk",
            state: "FAULTED",
            readErrors: 12,
            writeErrors: 0,
            checksumErrors: 3,
            message: "too many errors",
          },
          {
            name: "/dev/sde",
            type: "disk",
            state: "ONLINE",
            readErrors: 0,
            writeErrors: 0,
            checksumErrors: 0,
            message: "resilvering",
          },
        ],
      },
    ];
  if (n === 3) return [{ ...base, lastScan: { resilver: false, finished: now - 71 * DAY, errors: 0 } }];
  return [base];
}

const storageOf = (node, name, type, content, total, used, more = {}) => ({
  id: `${node.instance}-${node.name}-${name}`,
  storage: name,
  name,
  node: node.name,
  instance: node.instance,
  type,
  status: "available",
  total,
  used,
  avail: total - used,
  free: total - used,
  usage: (used / total) * 100,
  content,
  shared: false,
  enabled: true,
  active: true,
  lastSeen: node.lastSeen,
  ...(node.status === "online" ? {} : { stale: true }),
  ...more,
});

const shared = (instance, nodes, name, type, content, total, used, now, more = {}) => ({
  ...storageOf(
    { instance, name: "cluster", lastSeen: now, status: "online" },
    name,
    type,
    content,
    total,
    used,
  ),
  node: "cluster",
  id: `${instance}-cluster-${name}`,
  nodes: nodes.map((n) => n.name),
  nodeIds: nodes.map((n) => `${instance}-${n.name}`),
  nodeCount: nodes.length,
  shared: true,
  ...more,
});

function storages(state, pools, rnd, now, calm) {
  const list = [];
  for (const [n, node] of state.nodes.entries()) {
    list.push(storageOf(node, "local", "dir", "backup,iso,vztmpl", 94 * GIB, (22 + rnd() * 20) * GIB));
    const thinUsage = !calm && n === 1 ? 0.71 : 0.3 + rnd() * 0.4;
    const metadata = !calm && n === 1 ? 0.93 : 0.05 + rnd() * 0.2;
    list.push(
      storageOf(node, "local-lvm", "lvmthin", "images,rootdir", 1.7 * TIB, 1.7 * TIB * thinUsage, {
        thinPool: {
          volumeGroup: "pve",
          name: "data",
          size: 1.7 * TIB,
          used: 1.7 * TIB * thinUsage,
          usage: thinUsage * 100,
          metadataSize: 15.8 * GIB,
          metadataUsed: 15.8 * GIB * metadata,
          metadataUsage: metadata * 100,
        },
      }),
    );
    const pool = pools.find((p) => p.node === node.name && p.instance === node.instance);
    const full = !calm && n === 3 ? 0.927 : (pool?.allocated ?? 0) / (pool?.size ?? 1);
    if (pool)
      list.push(
        storageOf(node, "tank", "zfspool", "images,rootdir", 10.4 * TIB, 10.4 * TIB * full, {
          zfsPool: { ...pool, id: undefined, node: undefined, instance: undefined },
        }),
      );
  }
  const cluster = state.nodes.filter((n) => n.isClusterMember);
  if (cluster.length > 1) {
    list.push(
      shared("fra-1", cluster, "ceph-vm", "rbd", "images,rootdir", 62 * TIB, 31.4 * TIB, now),
      shared("fra-1", cluster, "cephfs", "cephfs", "backup,iso,vztmpl", 62 * TIB, 2.1 * TIB, now),
      shared("fra-1", cluster, "nas-iso", "nfs", "iso,vztmpl", 7.2 * TIB, (calm ? 3.1 : 6.2) * TIB, now),
      shared("fra-1", cluster, "pbs1", "pbs", "backup", 40 * TIB, 22.9 * TIB, now),
    );
    if (!calm)
      list.push(
        shared("fra-1", cluster, "nas-archive", "nfs", "backup", 0, 0, now, {
          usage: 0,
          status: "inactive",
          active: false,
        }),
        shared("fra-1", cluster, "old-san", "lvm", "images", 0, 0, now, {
          usage: 0,
          status: "disabled",
          enabled: false,
          active: false,
        }),
      );
  }
  return list;
}

function ceph(cluster, rnd, now, calm) {
  if (cluster.length < 2) return [];
  const hosts = cluster.slice(0, 6);
  const osds = hosts.flatMap((node, n) =>
    Array.from({ length: 4 }, (_, i) => ({
      id: n * 4 + i,
      host: node.name,
      up: calm || n !== 2,
      in: calm || n !== 2 || i > 0,
      class: "nvme",
      percentUsed: !calm && n === 0 && i === 1 ? 87.2 : 38 + rnd() * 24,
    })),
  );
  const up = osds.filter((o) => o.up).length;
  const pool = (id, name, stored, percentUsed) => ({
    id,
    name,
    storedBytes: stored,
    availableBytes: 30.6 * TIB,
    objects: Math.round(stored / (4 * 1024 ** 2)),
    percentUsed,
  });
  return [
    {
      id: "fra-1-0d0f3d7e-7a2b-4a53-9f67-3f7cbb1fd1aa",
      instance: "fra-1",
      name: "Ceph",
      fsid: "0d0f3d7e-7a2b-4a53-9f67-3f7cbb1fd1aa",
      health: calm ? "HEALTH_OK" : "HEALTH_WARN",
      healthMessage: calm ? "" : "4 osds down; Degraded data redundancy",
      totalBytes: 84 * TIB,
      usedBytes: 43.7 * TIB,
      availableBytes: 40.3 * TIB,
      usagePercent: 52,
      numMons: 3,
      numMonsInQuorum: calm ? 3 : 2,
      numMgrs: 2,
      numOsds: osds.length,
      numOsdsUp: up,
      numOsdsIn: osds.filter((o) => o.in).length,
      numPGs: 513,
      pools: [
        pool(1, ".mgr", 8.4 * 1024 ** 2, 0.01),
        pool(2, "vm", 10.4 * TIB, 50.6),
        pool(3, "cephfs_data", 0.7 * TIB, 6.8),
        pool(4, "cephfs_metadata", 1.1 * GIB, 0.1),
      ],
      services: [
        {
          type: "mon",
          running: calm ? 3 : 2,
          total: 3,
          ...(calm ? {} : { message: "pve3 is out of quorum" }),
        },
        { type: "mgr", running: 2, total: 2 },
        { type: "osd", running: up, total: osds.length },
        { type: "mds", running: 2, total: 2 },
      ],
      checks: calm
        ? []
        : [
            {
              code: "MON_DOWN",
              severity: "HEALTH_WARN",
              summary: "1/3 mons down, quorum pve1,pve2",
              detail: ["mon.pve3 (rank 2) addr 10.20.9.3 is down (out of quorum)"],
            },
            {
              code: "OSD_DOWN",
              severity: "HEALTH_WARN",
              summary: "4 osds down",
              detail: [8, 9, 10, 11].map((id) => `osd.${id} (root=default,host=pve3) is down`),
            },
            {
              code: "PG_DEGRADED",
              severity: "HEALTH_WARN",
              summary: "Degraded data redundancy: 812331/9734883 objects degraded (8.3%), 171 pgs degraded",
              detail: ["171 pgs degraded, 171 pgs undersized"],
            },
            {
              code: "POOL_NO_REDUNDANCY",
              severity: "HEALTH_WARN",
              summary: "1 pool(s) have no replicas configured",
              muted: true,
            },
          ],
      osds,
      pgStates: calm
        ? { "active+clean": 513 }
        : { "active+clean": 342, "active+undersized+degraded": 168, "active+recovering": 3 },
      readBytesPerSec: 84.2e6,
      writeBytesPerSec: 41.7e6,
      readOpsPerSec: 1840,
      writeOpsPerSec: 920,
      lastUpdated: now - 6_000,
      lastSeen: now - 6_000,
    },
  ];
}

function clusters(cluster, guests, now, calm) {
  if (cluster.length < 2) return [];
  const votes = cluster.length + 1;
  const online = cluster.filter((n) => n.status === "online").length;
  return [
    {
      id: "fra-1",
      instance: "fra-1",
      name: "fra-1",
      quorate: true,
      members: cluster.map((n, i) => ({
        node: n.name,
        nodeId: i + 1,
        ip: `10.20.0.${i + 1}`,
        online: n.status === "online",
        votes: 1,
      })),
      expectedVotes: votes,
      totalVotes: online + 1,
      quorum: Math.floor(votes / 2) + 1,
      qdevice: {
        model: "Net",
        host: "10.20.0.250",
        state: "Connected",
        connected: true,
        algorithm: "ffsplit",
      },
      ha: {
        master: "pve1",
        masterState: "active",
        quorumOk: true,
        nodes: cluster.map((n, i) => ({
          node: n.name,
          state:
            n.status !== "online"
              ? "dead? (old timestamp)"
              : i === 3
                ? "maintenance mode"
                : i === 0
                  ? "active"
                  : "idle",
          lastContact: n.status === "online" ? now - 4_000 : now - 372_000,
        })),
        services: guests
          .filter((g) => g.instance === "fra-1")
          .slice(0, Math.min(40, Math.ceil(guests.length / 6)))
          .map((g, i) => {
            const dead = !calm && g.node === "pve3";
            const error = !calm && i === 1;
            return {
              sid: `${g.type === "qemu" ? "vm" : "ct"}:${g.vmid}`,
              vmid: g.vmid,
              node: g.node,
              state: error ? "error" : dead ? "fence" : g.status === "running" ? "started" : "stopped",
              requested: g.status === "running" ? "started" : "stopped",
              group: i % 3 ? "" : "prefer-pve1",
              maxRestart: 1,
              maxRelocate: 1,
              ...(error ? { comment: "failed to start three times" } : {}),
              troubled: error || dead,
            };
          }),
      },
      lastSeen: now - 5_000,
    },
  ];
}

function replication(cluster, guests, now, calm) {
  if (cluster.length < 2) return [];
  const names = cluster.map((n) => n.name);
  return guests
    .filter((g) => g.instance === "fra-1")
    .filter((_, i) => i % 5 === 0)
    .slice(0, 120)
    .map((g, i) => {
      const target = names[(names.indexOf(g.node) + 1) % names.length];
      const failed = !calm && i === 2;
      const never = !calm && i === 5;
      const off = i % 11 === 7;
      const overdue = !calm && i === 4;
      const late = (i * 97_000) % 840_000;
      return {
        id: `fra-1-${g.vmid}-0`,
        instance: "fra-1",
        jobId: `${g.vmid}-0`,
        guest: String(g.vmid),
        guestId: g.vmid,
        guestName: g.name,
        guestType: g.type,
        guestNode: g.node,
        sourceNode: g.node,
        sourceStorage: "tank",
        targetNode: target,
        targetStorage: "tank",
        schedule: i % 4 ? "*/15" : "*/5",
        type: "local",
        enabled: !off,
        state: failed ? "error" : "ok",
        status: failed ? "error" : "ok",
        ...(never
          ? {}
          : {
              lastSyncStatus: failed ? "error" : i === 3 ? "syncing" : "ok",
              lastSyncTime: failed ? now - 9 * HOUR : overdue ? now - 2 * HOUR : now - late,
              lastTryTime: failed ? now - 240_000 : now - late,
              durationSeconds: 3 + ((i * 13) % 90),
              durationHuman: "00:00:09",
            }),
        ...(off ? {} : { nextSyncTime: overdue ? now - 105 * 60_000 : now + 900_000 - late }),
        ...(failed
          ? {
              failCount: 7,
              error: `command 'zfs recv -F -- tank/vm-${g.vmid}-disk-0' failed: exit code 1: cannot receive incremental stream: destination tank/vm-${g.vmid}-disk-0 has been modified since most recent snapshot`,
            }
          : {}),
        rateLimitMbps: i % 6 === 0 ? 100 : undefined,
        polledAt: now - 20_000,
        lastSeen: now - 20_000,
      };
    });
}

const KINDS = [
  ["qmstart", 3],
  ["qmshutdown", 2],
  ["vzdump", 900],
  ["vncproxy", 300],
  ["vzstart", 3],
  ["aptupdate", 8],
  ["srvreload", 1],
  ["qmsnapshot", 6],
  ["zfscrub", 7200],
  ["qmigrate", 90],
];
const FAULTS = [
  "command 'qm start' failed: start failed: QEMU exited with code 1",
  "job errors",
  "unable to create temporary directory '/mnt/pve/nas-archive/dump': Stale file handle",
  "can't lock file '/var/lock/qemu-server/lock-104.conf' - got timeout",
  "migration aborted",
];

export function makeTasks(state, rnd, now, calm) {
  const guests = [...state.vms, ...state.containers];
  if (guests.length === 0) return [];
  const list = [];
  const hex = (n) => Math.round(n).toString(16).toUpperCase().padStart(8, "0");
  let at = now - 40_000;
  for (let i = 0; i < 260; i += 1) {
    const guest = guests[Math.floor(rnd() * guests.length)];
    const [type, seconds] = KINDS[Math.floor(rnd() * KINDS.length)];
    const about = /^(qm|vz|vnc)/.test(type);
    const took = Math.max(1, seconds * (0.4 + rnd()));
    const running = i < (calm ? 1 : 3);
    const failed = !calm && i > 3 && i % 23 === 5;
    const warned = !failed && i > 3 && i % 31 === 9;
    const start = running ? now - took * 500 : at - took * 1000;
    const user = ["root@pam", "backup@pbs!nightly", "alice@ldap", "pulse@pve!monitor"][i % 4];
    list.push({
      upid: `UPID:${guest.node}:${hex(start / 999)}:${hex(i * 7919)}:${hex(start / 1000)}:${type}:${about ? guest.vmid : ""}:${user}:`,
      instance: guest.instance,
      node: guest.node,
      type,
      ...(about ? { target: String(guest.vmid), vmid: guest.vmid } : {}),
      user,
      startTime: Math.round(start),
      ...(running ? {} : { endTime: Math.round(start + took * 1000) }),
      outcome: running ? "running" : failed ? "failed" : warned ? "warnings" : "ok",
      status: running ? "running" : failed ? FAULTS[i % FAULTS.length] : warned ? "WARNINGS: 1" : "OK",
    });
    at -= 60_000 + rnd() * 12 * 60_000;
  }
  return list.sort((a, b) => b.startTime - a.startTime);
}

function upkeep(node, n, rnd, now, calm) {
  if (node.status !== "online") return;
  const pending = calm ? 0 : [14, 3, 0, 0, 41][n % 5];
  // The credentials of one node may not read its updates.
  if (calm || n !== 3)
    node.updates = {
      pending,
      security: pending > 10 ? 4 : 0,
      securityKnown: n !== 1,
      packages: pending
        ? ["proxmox-kernel-6.14", "libssl3t64", "openssh-server", "qemu-server", "pve-manager"].slice(
            0,
            Math.min(5, pending),
          )
        : [],
      rebootNeeded: !calm && n === 0,
      runningKernel: "6.14.11-4-pve",
      installedKernel: !calm && n === 0 ? "6.14.11-6-pve" : "6.14.11-4-pve",
      readAt: now - 3 * HOUR,
    };
  const left = calm ? 400 : [612, 9, 0, -3, 88, 300][n % 6];
  node.certificates = [
    {
      file: "pve-ssl.pem",
      subject: `/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN=${node.name}.lan`,
      issuer: "/CN=Proxmox Virtual Environment/OU=3e1c/O=PVE Cluster Manager CA",
      names: [node.name, `${node.name}.lan`],
      notBefore: now - 100 * DAY,
      notAfter: now + 700 * DAY,
      fingerprint:
        "9F:2C:61:0B:AA:10:33:71:C8:D4:7A:11:5E:09:77:31:AB:CD:EF:01:23:45:67:89:0A:1B:2C:3D:4E:5F:60:71",
    },
    {
      file: "pveproxy-ssl.pem",
      subject: `/CN=${node.name}.lan`,
      issuer: "/C=US/O=Let's Encrypt/CN=R11",
      names: [`${node.name}.lan`],
      notBefore: now - 60 * DAY,
      notAfter: now + left * DAY,
      fingerprint:
        "41:7E:A0:C3:19:E8:5D:22:90:1F:AA:70:61:44:0C:BE:11:02:93:84:75:66:57:48:39:2A:1B:0C:FD:EE:DF:C0",
    },
  ];
}

/** Adds the collections to a state made by `makeFleet`. */
export function addProxmox(state, rnd, { calm, now }) {
  const cluster = state.nodes.filter((n) => n.isClusterMember);
  const guests = [...state.vms, ...state.containers];
  state.zfsPools = state.nodes
    .filter((_, n) => n !== 1)
    .flatMap((node, n) => zfsPools(node, n, rnd, now, calm));
  state.storage = storages(state, state.zfsPools, rnd, now, calm);
  state.physicalDisks = state.nodes.flatMap((node, n) => disks(node, n, rnd, now, calm));
  state.cephClusters = ceph(cluster, rnd, now, calm);
  state.clusters = clusters(cluster, guests, now, calm);
  state.replicationJobs = replication(cluster, guests, now, calm);
  for (const [n, node] of state.nodes.entries()) upkeep(node, n, rnd, now, calm);
  const instances = [...new Set(state.nodes.map((n) => n.instance))];
  state.instances = instances.map((name) => ({
    type: "pve",
    name,
    health: "healthy",
    lastSuccess: now - 4_000,
    ...(!calm && name === "fra-1" && cluster.length > 3
      ? {
          gaps: [
            {
              node: "pve4",
              capability: "pending updates",
              privilege: "Sys.Modify",
              status: 403,
              firstSeen: now - 3 * DAY,
              lastSeen: now - 600_000,
            },
          ],
        }
      : {}),
  }));
  state.revisions = { backups: 1, snapshots: 1, tasks: 1 };
}

/** How a storage filled up, as `GET /api/charts` tells it. */
export function storageSeries(storage, range) {
  const now = Date.now();
  const days = { "24h": 1, "7d": 7, "30d": 30 }[range] ?? 7;
  const seed = [...storage.id].reduce((n, c) => n + c.charCodeAt(0), 0);
  const perDay = storage.usage > 90 ? 1.1 : [0.4, 0.02, 0.9, -0.3][seed % 4];
  return {
    disk: Array.from({ length: 56 }, (_, i) => {
      const timestamp = now - ((55 - i) / 55) * days * DAY;
      const wave = Math.sin(i / 3 + seed) * 0.15;
      return {
        timestamp: Math.round(timestamp),
        value: Math.max(0, Math.min(100, storage.usage + wave - (perDay * (now - timestamp)) / DAY)),
      };
    }),
  };
}
