// An estate of any size, the same for the same size. Development and tests only.
import { addProxmox } from "./proxmox.mjs";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

export function random(seed) {
  let s = seed >>> 0;
  return () => (s = (s * 1664525 + 1013904223) >>> 0) / 4294967296;
}

const ROLES = [
  ["web-prod", "qemu", "prod,web", 4, 8, 60],
  ["api-prod", "qemu", "prod,web", 8, 16, 80],
  ["db-prod", "qemu", "prod,db", 12, 64, 500],
  ["redis-cache", "lxc", "prod,db", 2, 8, 20],
  ["gitlab-runner", "lxc", "infra,dev", 8, 8, 120],
  ["k8s-node", "qemu", "prod", 16, 64, 200],
  ["dns", "lxc", "infra", 1, 0.5, 8],
  ["mail-relay", "qemu", "prod,infra", 2, 4, 40],
  ["staging-web", "qemu", "dev,web,test", 4, 8, 60],
  ["analytics", "qemu", "prod,db", 16, 96, 1600],
  ["wiki", "lxc", "infra", 2, 2, 24],
  ["object-store", "lxc", "infra,backup", 4, 8, 4000],
  ["jellyfin", "lxc", "media,home", 4, 8, 80],
  ["win-rds", "qemu", "prod", 8, 32, 160],
  ["queue", "lxc", "prod", 4, 4, 20],
];
const POOLS = ["production", "staging", "home", ""];

export function makeFleet({ guests = 62, nodes, scenario = "problems", now = Date.now() } = {}) {
  const rnd = random(guests * 7 + 13);
  const calm = scenario === "calm";
  const nodeCount = nodes ?? (guests === 0 ? 0 : Math.max(2, Math.min(40, Math.ceil(guests / 13))));
  const state = {
    nodes: [],
    vms: [],
    containers: [],
    storage: [],
    hosts: [],
    connectionHealth: {},
    activeAlerts: [],
    temperatureMonitoringEnabled: true,
    lastUpdate: now,
  };
  for (let i = 0; i < nodeCount; i += 1) {
    const clustered = i < Math.ceil(nodeCount * 0.7);
    const name = clustered
      ? `pve${i + 1}`
      : ["edge1", "lab", "backup-lab"][i % 3] + (nodeCount > 10 ? `-${i}` : "");
    const instance = clustered ? "fra-1" : name;
    const cores = [48, 64, 16, 8][i % 4];
    const total = [256, 512, 64, 32][i % 4] * GIB;
    const off = !calm && i === 2;
    const usage = !calm && i === 1 ? 88.4 : 40 + rnd() * 34;
    const diskTotal = [3726, 7452, 931, 476][i % 4] * GIB;
    const diskUsage = 35 + rnd() * 38;
    state.nodes.push({
      id: `${instance}-${name}`,
      node: name,
      name,
      displayName: name,
      instance,
      host: `https://${name}.lan:8006`,
      status: off ? "offline" : "online",
      type: "node",
      cpu: off ? 0 : 0.08 + rnd() * 0.5,
      memory: { total, used: (total * usage) / 100, free: total * (1 - usage / 100), usage },
      mem: (total * usage) / 100,
      maxmem: total,
      disk: {
        total: diskTotal,
        used: (diskTotal * diskUsage) / 100,
        free: diskTotal * (1 - diskUsage / 100),
        usage: diskUsage,
      },
      maxdisk: diskTotal,
      uptime: off ? 0 : Math.round(86400 * (3 + rnd() * 80)),
      loadAverage: off ? [] : [rnd() * cores * 0.5, rnd() * cores * 0.4, rnd() * cores * 0.4],
      kernelVersion: "6.14.11-4-pve",
      pveVersion: i % 5 === 4 ? "8.4.14" : "9.0.6",
      cpuInfo: { model: "AMD EPYC 7443P 24-Core Processor", cores, sockets: 1, mhz: "2850" },
      temperature: off
        ? undefined
        : {
            available: true,
            cpuPackage: 44 + rnd() * 20,
            hasCPU: true,
            nvme: [
              { device: "nvme0", temp: 41 },
              { device: "nvme1", temp: 44 },
            ],
            smart: [{ device: "/dev/sda", model: "Samsung SSD 870", temperature: 33 }],
          },
      lastSeen: off ? now - 372_000 : now,
      connectionHealth: off ? "error" : "healthy",
      isClusterMember: clustered,
      clusterName: clustered ? "fra-1" : undefined,
      linkedHostAgentId: i === 0 ? "host-1" : undefined,
    });
    state.connectionHealth[instance] = true;
  }
  const perRole = {};
  for (let i = 0; i < guests; i += 1) {
    const [role, type, tags, cpus, mem, disk] = ROLES[Math.floor(rnd() * ROLES.length)];
    perRole[role] = (perRole[role] ?? 0) + 1;
    const node = state.nodes[Math.floor(rnd() ** 1.15 * nodeCount)];
    const vmid = 100 + i;
    const stopped = rnd() < 0.07;
    const template = stopped && rnd() < 0.2;
    const paused = !stopped && i % 61 === 40;
    const running = !stopped;
    const noAgent = type === "qemu" && i % 17 === 9;
    let cpu = running ? 0.01 + rnd() ** 2.2 * 0.72 : 0;
    let memUse = running ? 0.2 + rnd() * 0.55 : 0;
    let diskUse = 0.15 + rnd() * 0.6;
    if (!calm && running) {
      if (i % 37 === 5) cpu = 0.84 + rnd() * 0.14;
      if (i % 53 === 11) memUse = 0.87 + rnd() * 0.1;
      if (i % 41 === 3) diskUse = 0.91 + rnd() * 0.05;
    }
    const memTotal = Math.round(mem * GIB);
    const diskTotal = disk * GIB;
    const busy = cpu + 0.1;
    const disks =
      type === "qemu" && running && !noAgent
        ? [
            ["/", "ext4", 0.2],
            [role.startsWith("db") ? "/var/lib/postgresql" : "/srv", "xfs", 0.72],
            ["/var/log", "ext4", 0.08],
          ].map(([mountpoint, fs, share], k) => {
            const total = diskTotal * share;
            const u = Math.min(0.98, k === 1 ? diskUse : diskUse * (0.6 + rnd() * 0.6));
            return {
              total,
              used: total * u,
              free: total * (1 - u),
              usage: u * 100,
              mountpoint,
              type: fs,
              device: `/dev/vd${"abc"[k]}`,
            };
          })
        : undefined;
    const guest = {
      id: `${node.instance}:${node.name}:${vmid}`,
      vmid,
      name: `${role}-${String(perRole[role]).padStart(2, "0")}`,
      node: node.name,
      instance: node.instance,
      status: stopped ? "stopped" : paused ? "paused" : "running",
      type,
      cpu,
      cpus,
      memory: {
        total: memTotal,
        used: memTotal * memUse,
        free: memTotal * (1 - memUse),
        usage: memUse * 100,
        ...(i % 9 === 4 && running ? { swapTotal: 2 * GIB, swapUsed: rnd() * GIB } : {}),
        ...(i % 13 === 7 && running ? { balloon: memTotal * 0.8 } : {}),
      },
      mem: memTotal * memUse,
      maxmem: memTotal,
      disk: noAgent
        ? { total: diskTotal, used: 0, free: diskTotal, usage: -1 }
        : {
            total: diskTotal,
            used: diskTotal * diskUse,
            free: diskTotal * (1 - diskUse),
            usage: diskUse * 100,
          },
      disks,
      ...(noAgent ? { diskStatusReason: "agent-not-running" } : {}),
      ...(type === "qemu" && running && !noAgent
        ? {
            osName: role.startsWith("win") ? "Windows Server" : "Debian GNU/Linux",
            osVersion: role.startsWith("win") ? "2025" : "13",
            agentVersion: "10.0.2",
          }
        : type === "lxc"
          ? { osName: "debian" }
          : {}),
      ...(running
        ? {
            networkInterfaces: [
              {
                name: "eth0",
                mac: `bc:24:11:${(i & 255).toString(16).padStart(2, "0")}:0a:01`,
                addresses: [`10.20.${(i >> 8) & 255}.${i & 255}`, `fd20::${i.toString(16)}`],
                rxBytes: 27 * GIB * rnd(),
                txBytes: 9 * GIB * rnd(),
              },
            ],
            ipAddresses: [`10.20.${(i >> 8) & 255}.${i & 255}`],
          }
        : {}),
      networkIn: running ? Math.round(rnd() ** 4 * 24_000 * 1024 * busy) : 0,
      networkOut: running ? Math.round(rnd() ** 4 * 19_000 * 1024 * busy) : 0,
      diskRead: running ? Math.round(rnd() ** 6 * 40_000 * 1024 * busy) : 0,
      diskWrite: running ? Math.round(rnd() ** 3 * 9_000 * 1024 * busy) : 0,
      uptime: running ? Math.round(86400 * (0.2 + rnd() * 96)) : 0,
      template,
      lastBackup:
        i % 19 === 2 ? undefined : now - Math.round((8 + rnd() * 10 + (i % 23 === 1 ? 72 : 0)) * 3_600_000),
      tags,
      pool: POOLS[i % 4],
      ...(i % 67 === 20 ? { lock: "backup" } : {}),
      lastSeen: now,
    };
    (type === "qemu" ? state.vms : state.containers).push(guest);
  }
  addProxmox(state, random(guests * 11 + 5), { calm, now });
  const hostCount = guests === 0 ? 0 : Math.max(3, Math.min(24, Math.round(guests / 30)));
  const HOSTS = [
    ["nas-01", "linux", "Debian GNU/Linux", "13", "x86_64"],
    ["mac-mini", "macos", "macOS", "15.1", "arm64"],
    ["ws-office", "windows", "Windows 11 Pro", "24H2", "x86_64"],
    ["pi-door", "linux", "Raspberry Pi OS", "12", "aarch64"],
  ];
  for (let i = 0; i < hostCount; i += 1) {
    const [base, platform, osName, osVersion, architecture] = HOSTS[i % 4];
    const total = [64, 16, 32, 8][i % 4] * GIB;
    const used = total * (0.3 + rnd() * 0.4);
    const off = !calm && i === 3 && hostCount > 3;
    const full = !calm && i === 0;
    state.hosts.push({
      id: `host-${i + 1}`,
      hostname: i < 4 ? base : `${base}-${i}`,
      displayName: i < 4 ? base : `${base}-${i}`,
      platform,
      osName,
      osVersion,
      kernelVersion: platform === "linux" ? "6.12.48" : platform === "macos" ? "24.1.0" : "10.0.26100",
      architecture,
      cpuCount: [16, 10, 12, 4][i % 4],
      cpuUsage: off ? undefined : 3 + rnd() * 50,
      loadAverage: platform === "windows" ? undefined : [rnd() * 3, rnd() * 2, rnd() * 2],
      memory: {
        total,
        used,
        free: total - used,
        usage: (used / total) * 100,
        swapTotal: 4 * GIB,
        swapUsed: rnd() * GIB,
      },
      disks: [
        {
          total: 250 * GIB,
          used: 120 * GIB,
          free: 130 * GIB,
          usage: 48,
          mountpoint: platform === "windows" ? "C:" : "/",
          type: platform === "windows" ? "ntfs" : "ext4",
          device: "/dev/nvme0n1p2",
        },
        ...(i % 4 === 0
          ? [
              {
                total: 16000 * GIB,
                used: 16000 * GIB * (full ? 0.93 : 0.61),
                free: 1000 * GIB,
                usage: full ? 93 : 61,
                mountpoint: "/tank",
                type: "zfs",
                device: "tank",
              },
            ]
          : []),
      ],
      networkInterfaces: [
        {
          name: "eth0",
          mac: "02:42:4e:c9:e1:29",
          addresses: [`192.168.1.${20 + i}`],
          rxBytes: 4.3 * GIB,
          txBytes: 2.4 * GIB,
          speedMbps: 1000,
        },
      ],
      networkIn: rnd() * 3e6,
      networkOut: rnd() * 1e6,
      sensors:
        platform === "linux"
          ? {
              temperatureCelsius: { "coretemp package id 0": 48 + rnd() * 14, nvme0: 41, acpitz: 38 },
              ...(i % 4 === 0
                ? {
                    fanRpm: { fan1: 820, fan2: 790 },
                    smart: [
                      {
                        device: "/dev/sda",
                        model: "WDC WD161KFGX",
                        serial: "2XJ0A1",
                        type: "sata",
                        health: "PASSED",
                        temperature: 36,
                      },
                      {
                        device: "/dev/sdb",
                        model: "WDC WD161KFGX",
                        serial: "2XJ0A2",
                        type: "sata",
                        health: "PASSED",
                        temperature: 0,
                        standby: true,
                      },
                    ],
                  }
                : {}),
            }
          : undefined,
      ...(i % 4 === 0
        ? {
            raid: [
              {
                device: "/dev/md0",
                name: "md0",
                level: "raid1",
                state: "clean",
                totalDevices: 2,
                activeDevices: 2,
                workingDevices: 2,
                failedDevices: 0,
                spareDevices: 0,
                rebuildPercent: 0,
                devices: [
                  { device: "/dev/sdc1", state: "active sync", slot: 0 },
                  { device: "/dev/sdd1", state: "active sync", slot: 1 },
                ],
              },
            ],
          }
        : {}),
      status: off ? "offline" : "online",
      uptimeSeconds: off ? undefined : Math.round(86400 * (1 + rnd() * 60)),
      lastSeen: off ? now - 1_260_000 : now - 4_000,
      intervalSeconds: 30,
      agentVersion: "6.0.0",
      tokenName: `${base} agent`,
      tokenHint: "3f9a…b2",
    });
  }
  return state;
}

/** Moves every live value a little; returns the delta's collections. `handles` as in the snapshot. */
export function step(state, handles, now) {
  const jig = (v, amount, lo, hi) => Math.max(lo, Math.min(hi, v + (Math.random() - 0.5) * amount));
  const delta = {};
  for (const kind of ["vms", "containers", "nodes"]) {
    const group = { h: [], lastSeen: now, cpu: [], mem: [] };
    if (kind !== "nodes") Object.assign(group, { networkIn: [], networkOut: [], diskWrite: [] });
    for (const [i, r] of state[kind].entries()) {
      if (kind === "nodes" ? r.status !== "online" : r.status !== "running") continue;
      r.cpu = Math.round(jig(r.cpu, 0.03, 0.002, 0.99) * 1000) / 1000;
      r.mem = Math.round(jig(r.mem / MIB, (r.maxmem / MIB) * 0.004, 1, r.maxmem / MIB)) * MIB;
      r.memory = {
        ...r.memory,
        used: r.mem,
        free: r.memory.total - r.mem,
        usage: (r.mem / r.memory.total) * 100,
      };
      r.lastSeen = now;
      group.h.push(handles[kind][i]);
      group.cpu.push(r.cpu);
      group.mem.push(Math.round(r.mem / MIB));
      if (kind !== "nodes")
        for (const k of ["networkIn", "networkOut", "diskWrite"]) {
          r[k] = Number((r[k] * (0.8 + Math.random() * 0.4)).toPrecision(3));
          group[k].push(r[k]);
        }
    }
    const rest = state[kind]
      .map((r, i) => [r, handles[kind][i]])
      .filter(([r]) => (kind === "nodes" ? false : r.status !== "running"));
    for (const [r] of rest) r.lastSeen = now;
    delta[kind] = {
      patch: [group, ...(rest.length ? [{ h: rest.map(([, h]) => h), lastSeen: now }] : [])].filter(
        (g) => g.h.length,
      ),
    };
  }
  const hosts = { h: [], lastSeen: now, cpu: [] };
  for (const [i, r] of state.hosts.entries()) {
    if (r.status !== "online") continue;
    r.cpuUsage = Math.round(jig(r.cpuUsage ?? 5, 4, 0.5, 99) * 10) / 10;
    r.lastSeen = now;
    hosts.h.push(handles.hosts[i]);
    hosts.cpu.push(r.cpuUsage);
  }
  if (hosts.h.length) delta.hosts = { patch: [hosts] };
  delta.storage = {
    patch: [
      {
        h: handles.storage,
        lastSeen: now,
        used: state.storage.map((s) => Math.round(s.used / MIB)),
      },
    ],
  };
  return delta;
}

const SPANS = {
  "15m": 900,
  "1h": 3600,
  "4h": 14400,
  "6h": 21600,
  "12h": 43200,
  "24h": 86400,
  "7d": 604800,
  "30d": 2592000,
  "90d": 7776000,
};

/** Metrics of one resource: up to `points` a series, a hole in the middle; nothing older than `youngest` seconds. */
export function history(resource, range, points = 240, youngest = Number.POSITIVE_INFINITY) {
  const span = SPANS[range] ?? 86400;
  const end = Date.now();
  const start = end - span * 1000;
  const stepS = Math.max(10, Math.round(span / points));
  const seed = [...String(resource?.id ?? "x")].reduce((s, c) => s + c.charCodeAt(0), 0);
  const rnd = random(seed + span);
  const base = resource?.storage
    ? { usage: resource.usage, used: resource.used, total: resource.total, avail: resource.avail }
    : {
        cpu: (resource?.cpu ?? (resource?.cpuUsage ?? 20) / 100) * 100,
        memory: resource?.memory?.usage ?? 50,
        disk: Math.max(0, resource?.disk?.usage ?? resource?.disks?.[0]?.usage ?? 50),
        netin: resource?.networkIn ?? 4e5,
        netout: resource?.networkOut ?? 2e5,
        diskread: resource?.diskRead ?? 1e5,
        diskwrite: resource?.diskWrite ?? 3e5,
      };
  const metrics = {};
  for (const [name, target] of Object.entries(base)) {
    const percent = ["cpu", "memory", "disk", "usage"].includes(name);
    const amount = name === "cpu" ? 12 : percent ? 1.2 : target * 0.5 + 1e4;
    let v = target;
    const out = [];
    for (let t = start; t <= end; t += stepS * 1000) {
      const f = (t - start) / (span * 1000);
      if (end - t > youngest * 1000) continue;
      v += (rnd() - 0.5) * amount + (target - v) * 0.12;
      if (f > 0.44 && f < 0.5) continue;
      const value = percent ? Math.max(0.2, Math.min(99.5, v)) : Math.max(0, v);
      const spread = percent ? amount * rnd() * 0.8 : value * 0.3 * rnd();
      out.push({
        timestamp: Math.round(t),
        value,
        min: Math.max(0, value - spread),
        max: percent ? Math.min(100, value + spread) : value + spread,
      });
    }
    metrics[name] = out;
  }
  return { start, end, step: stepS * 1000, metrics };
}
