// Backups of all sources, coverage, mail gateways: what the stand-in server answers about them.
const GIB = 1024 ** 3;
const DAY = 86_400_000;

const two = (n) => String(n).padStart(2, "0");
export const dayOf = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

/** Rows newest first; `want` of them at least, if there are guests at all. */
export function makeBackups(state, rnd, now, { want = 0, calm = false } = {}) {
  const guests = [...state.vms, ...state.containers].filter((g) => !g.template);
  const rows = [];
  if (guests.length === 0) return rows;
  const perGuest = Math.max(9, Math.ceil((want - 40) / guests.length));
  for (const [i, guest] of guests.entries()) {
    const kind = guest.type === "lxc" ? "ct" : "vm";
    const base = {
      kind,
      backupId: String(guest.vmid),
      name: guest.name,
      node: guest.node,
      home: guest.instance,
    };
    const never = !calm && i % 41 === 7;
    const late = !calm && i % 23 === 1 && !never;
    const size = Math.round((guest.maxdisk ?? guest.disk?.total ?? 20 * GIB) * (0.2 + rnd() * 0.3));
    if (!never)
      for (let d = 0; d < perGuest; d += 1) {
        const age = d * DAY + (late ? 3.5 * DAY : 0) + (2 + rnd() * 9) * 3_600_000;
        const server = i % 3 === 2 ? "pbs2" : "pbs1";
        rows.push({
          ...base,
          source: "pbs",
          instance: server,
          store: server === "pbs1" ? "main" : "offsite",
          namespace: ["", "prod", "prod/eu"][i % 3],
          owner: "backup@pbs!nightly",
          comment: d % 9 === 0 ? `${guest.name}, ${guest.node}` : "",
          time: Math.round((now - age) / 1000),
          size: !calm && d === 0 && i % 67 === 20 ? null : Math.round(size * (1 - d * 0.0004)),
          verified: !calm && d === 3 && i % 47 === 12 ? "failed" : d === 0 && i % 5 === 0 ? "none" : "ok",
          protected: d === perGuest - 1 && i % 8 === 0 ? 1 : 0,
          encrypted: server === "pbs2" ? 1 : 0,
        });
      }
    if (i % 6 === 0)
      rows.push({
        ...base,
        source: "pve",
        instance: guest.instance,
        store: "local",
        volume: `local:backup/vzdump-${guest.type}-${guest.vmid}-2026_11_22-03_00_00.${kind === "vm" ? "vma" : "tar"}.zst`,
        time: Math.round((now - 2.3 * DAY - rnd() * DAY) / 1000),
        size: Math.round(size * 0.8),
        comment: "before the upgrade",
      });
    if (i % 7 === 3)
      for (const [n, [volume, age]] of [
        ["before-upgrade", 41 * DAY],
        ["tested", 2 * DAY],
      ].entries())
        rows.push({
          ...base,
          source: "snapshot",
          instance: guest.instance,
          store: "",
          volume,
          time: Math.round((now - age - n * 1000 - rnd() * DAY) / 1000),
          size: i % 14 === 3 ? Math.round(rnd() * 8 * GIB) : null,
          comment: n === 0 ? "kept until the new release is proven" : "",
        });
  }
  if (!calm)
    for (let k = 0; k < 6; k += 1) {
      const ambiguous = k < 3;
      rows.push({
        source: "pbs",
        kind: "vm",
        backupId: ambiguous ? "101" : String(9000 + k),
        name: "",
        instance: "pbs2",
        store: "offsite",
        namespace: "",
        owner: "root@pam",
        time: Math.round((now - (k + 1) * 2 * DAY) / 1000),
        size: 12 * GIB,
        verified: "none",
        ...(ambiguous ? { candidates: ["fra-1", "lab"] } : {}),
      });
    }
  for (let k = 0; k < 12; k += 1)
    rows.push({
      source: k % 3 ? "pbs" : "pmg",
      kind: "host",
      backupId: k % 3 ? "nas-01" : "pmg1",
      name: "",
      instance: k % 3 ? "pbs1" : "mail",
      store: k % 3 ? "main" : "",
      volume: k % 3 ? "" : `pmg-backup_2026_11_${two(23 - k)}.tgz`,
      owner: k % 3 ? "nas@pbs" : "",
      time: Math.round((now - k * DAY - 5 * 3_600_000) / 1000),
      size: Math.round((k % 3 ? 180 : 0.1) * GIB),
      verified: k % 3 ? "ok" : "",
    });
  return rows.sort((a, b) => b.time - a.time);
}

/** As the server answers: groups, and columns newest first. */
export function backupTable(all) {
  const rows = all.filter((r) => r.source !== "snapshot");
  const groups = [];
  const groupAt = new Map();
  const comments = [""];
  const commentAt = new Map([["", 0]]);
  const out = { group: [], older: [], size: [], flags: [], comment: [] };
  let before = rows[0]?.time ?? 0;
  for (const r of rows) {
    const key = [r.source, r.instance, r.store, r.namespace, r.kind, r.backupId, r.home].join("|");
    if (!groupAt.has(key)) {
      groupAt.set(key, groups.length);
      groups.push({
        source: r.source,
        instance: r.instance,
        store: r.store,
        kind: r.kind,
        id: r.backupId,
        ...(r.namespace ? { namespace: r.namespace } : {}),
        ...(r.owner ? { owner: r.owner } : {}),
        ...(r.home ? { guestInstance: r.home, evidence: "name and cluster of its comment match" } : {}),
        ...(r.candidates ? { candidates: r.candidates } : {}),
      });
    }
    const comment = r.comment || r.volume || "";
    if (!commentAt.has(comment)) {
      commentAt.set(comment, comments.length);
      comments.push(comment);
    }
    out.group.push(groupAt.get(key));
    out.older.push(before - r.time);
    before = r.time;
    out.size.push(r.size ?? -1);
    out.flags.push(
      (r.verified === "ok" ? 1 : 0) +
        (r.verified === "failed" ? 2 : 0) +
        (r.protected ? 4 : 0) +
        (r.encrypted ? 8 : 0) +
        (r.size === null ? 16 : 0),
    );
    out.comment.push(commentAt.get(comment));
  }
  return { count: rows.length, newest: rows[0]?.time ?? 0, groups, comments, rows: out };
}

export const backupSnapshots = (rows) =>
  rows
    .filter((r) => r.source === "snapshot")
    .map((r) => ({
      id: `${r.instance}-${r.node}-${r.backupId}-${r.volume}`,
      name: r.volume,
      node: r.node,
      instance: r.instance,
      type: r.kind === "vm" ? "qemu" : "lxc",
      vmid: Number(r.backupId),
      time: new Date(r.time * 1000).toISOString(),
      description: r.comment,
      vmstate: false,
      ...(r.size ? { sizeBytes: r.size } : {}),
    }));

export function backupFrequency(rows, count, now, calm) {
  const days = Array.from({ length: count }, (_, i) => {
    const at = new Date(now);
    at.setHours(0, 0, 0, 0);
    at.setDate(at.getDate() - (count - 1 - i));
    return { start: at.getTime(), pve: 0, pbs: 0, pmg: 0, snapshots: 0, bytes: 0, failed: 0 };
  });
  const byName = new Map(days.map((d) => [dayOf(new Date(d.start)), d]));
  for (const r of rows) {
    const day = byName.get(dayOf(new Date(r.time * 1000)));
    if (day) day[r.source === "snapshot" ? "snapshots" : r.source] += 1;
  }
  if (!calm && count > 20) for (const i of [count - 14, count - 3, count - 2]) days[i].failed = 2;
  return { days };
}

export function backupJobs(state, now) {
  const next = new Date(now + DAY).setHours(1, 0, 0, 0);
  const job = (id, instance, comment, schedule, storage) => ({
    id,
    instance,
    comment,
    schedule,
    storage,
    enabled: true,
    mode: "snapshot",
    nextRun: next,
    selection: "all",
  });
  return [
    job("backup-1", "fra-1", "nightly", "01:00", "pbs1"),
    job("backup-2", "fra-1", "offsite", "sat 04:00", "pbs2"),
    ...[...new Set(state.nodes.map((n) => n.instance))]
      .filter((name) => name !== "fra-1")
      .map((name) => job("backup-all", name, "all guests", "02:30", "pbs1")),
  ];
}

export function backupCoverage(state, rows, now, calm) {
  const known = new Map();
  for (const r of rows) {
    if (!r.home || r.source === "snapshot") continue;
    const key = `${r.home}/${r.backupId}`;
    const k = known.get(key) ?? { count: 0, damaged: 0, incomplete: 0 };
    known.set(key, k);
    k.count += 1;
    if (r.size === null) k.incomplete += 1;
    else if (r.verified === "failed") k.damaged += 1;
    else if (!k.lastGood) Object.assign(k, { lastGood: r.time * 1000, verified: r.verified === "ok" });
    if (r.verified === "ok" && r.size !== null) k.lastVerified ??= r.time * 1000;
    k.lastBackup ??= r.time * 1000;
  }
  const guests = [...state.vms, ...state.containers].map((g, i) => {
    const k = known.get(`${g.instance}/${g.vmid}`) ?? { count: 0 };
    const bare = !calm && i % 29 === 11;
    const jobs = bare
      ? []
      : g.instance === "fra-1"
        ? i % 3 === 2
          ? ["backup-1", "backup-2"]
          : ["backup-1"]
        : ["backup-all"];
    const reason = g.template ? undefined : bare ? "no job" : k.lastGood ? undefined : "no backup";
    return {
      id: g.id,
      instance: g.instance,
      node: g.node,
      vmid: g.vmid,
      name: g.name,
      type: g.type,
      ...(g.template ? { template: true } : {}),
      jobs,
      verified: false,
      ...k,
      ...(reason ? { reason } : {}),
    };
  });
  return { guests };
}

export function makeMail(now, calm, rnd) {
  const gateway = (name, n, bad) => {
    const hour = 3_600_000;
    const start = Math.floor(now / hour) * hour;
    const mailCount = Array.from({ length: 24 }, (_, k) => {
      const at = start - (23 - k) * hour;
      const wave = 1 + Math.sin(((new Date(at).getHours() - 8) / 24) * Math.PI * 2);
      const inMail = Math.round(40 + wave * 260 + rnd() * 60) * n;
      const spam = Math.round(inMail * (bad && k > 19 ? 0.62 : 0.12 + rnd() * 0.08));
      return {
        timestamp: new Date(at).toISOString(),
        windowStart: new Date(at).toISOString(),
        windowEnd: new Date(at + hour).toISOString(),
        timeframe: "hour",
        index: k,
        count: inMail + Math.round(inMail * 0.35),
        countIn: inMail,
        countOut: Math.round(inMail * 0.35),
        spamIn: spam,
        spamOut: 0,
        virusIn: rnd() > 0.8 ? 1 : 0,
        virusOut: 0,
        rblRejects: Math.round(inMail * 0.2),
        pregreet: 3,
        bouncesIn: 2,
        bouncesOut: 1,
        greylist: 8,
      };
    });
    const sum = (k) => mailCount.reduce((s, c) => s + c[k], 0);
    const queue = (m) => ({
      active: m,
      deferred: bad ? 118 : m * 2,
      hold: 0,
      incoming: 1,
      total: m + (bad ? 118 : m * 2) + 1,
      oldestAge: bad ? 9_400 : 40,
      updatedAt: new Date(now).toISOString(),
    });
    return {
      id: `pmg-${name}`,
      name,
      host: `https://${name}.lan:8006`,
      guestURL: "",
      status: "online",
      version: "8.2.1",
      connectionHealth: "healthy",
      lastSeen: new Date(now - 6000).toISOString(),
      lastUpdated: new Date(now - 6000).toISOString(),
      nodes: [
        {
          name: `${name}a`,
          status: "online",
          role: "master",
          uptime: 86400 * 41,
          loadAvg: "0.34",
          queueStatus: queue(3),
        },
        {
          name: `${name}b`,
          status: bad ? "offline" : "online",
          role: "node",
          uptime: bad ? 0 : 86400 * 12,
          ...(bad ? {} : { loadAvg: "0.12", queueStatus: queue(1) }),
        },
      ],
      mailStats: {
        timeframe: "day",
        countTotal: sum("count"),
        countIn: sum("countIn"),
        countOut: sum("countOut"),
        spamIn: sum("spamIn"),
        spamOut: 0,
        virusIn: sum("virusIn"),
        virusOut: 0,
        bouncesIn: 44,
        bouncesOut: 21,
        bytesIn: 3.4 * GIB * n,
        bytesOut: 1.2 * GIB * n,
        greylistCount: 190,
        junkIn: 31,
        averageProcessTimeMs: 412,
        rblRejects: sum("rblRejects"),
        pregreetRejects: 72,
        updatedAt: new Date(now - 6000).toISOString(),
      },
      mailCount,
      spamDistribution: [...Array(11).keys()].map((k) => ({
        score: String(k),
        count: Math.round(900 / (k + 1)) * n,
      })),
      quarantine: { spam: 214 * n, virus: 3, attachment: 0, blacklisted: 0 },
    };
  };
  return calm ? [gateway("mail", 1, false)] : [gateway("mail", 2, false), gateway("mx-lab", 1, true)];
}
