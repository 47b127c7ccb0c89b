// A stand-in for the server: enough of the API and of the live protocol to develop and test the UI against.
// Never part of the build. Usage: node dev/mock.mjs [--port 7655] [--guests 62] [--scenario calm] [--setup] [--no-auth]
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync, gzipSync } from "node:zlib";
import { WebSocketServer } from "ws";
import { history, makeFleet, random, step } from "./fleet.mjs";
import { makeTasks, storageSeries } from "./proxmox.mjs";
import {
  backupCoverage,
  backupFrequency,
  backupTable,
  backupJobs,
  backupSnapshots,
  makeBackups,
  makeMail,
} from "./backups.mjs";
import { settingsRoute, settingsWorld } from "./settings.mjs";

const args = process.argv.slice(2);
const flag = (name) => args.includes(`--${name}`);
const option = (name, fallback) =>
  args.includes(`--${name}`) ? args[args.indexOf(`--${name}`) + 1] : fallback;
const port = Number(option("port", "7655"));
const dist = join(fileURLToPath(new URL("..", import.meta.url)), "dist");
const BOOTSTRAP = "a".repeat(48);

const world = {};
function reset(o = {}) {
  Object.assign(world, {
    setup: flag("setup"),
    auth: !flag("no-auth"),
    user: "admin",
    password: "correct horse battery",
    sessions: new Set(),
    csrf: "csrf-1",
    failures: 0,
    mockMode: false,
    interval: Number(option("interval", "10")),
    guests: Number(option("guests", "62")),
    scenario: option("scenario", "problems"),
    youngest: undefined,
    state: undefined,
    refuseWs: false,
    apiError: null,
    nodes: [
      {
        id: "pve-0",
        type: "pve",
        name: "fra-1",
        host: "https://pve1.lan:8006",
        tokenName: "pulse@pve!monitor",
        hasPassword: false,
        hasToken: true,
        verifySSL: false,
        fingerprint: "9F:2C:61:0B:AA:10:D4:7A",
        monitorVMs: true,
        monitorContainers: true,
        monitorStorage: true,
        monitorBackups: true,
        temperatureMonitoringEnabled: true,
        status: "connected",
        isCluster: true,
        clusterName: "fra-1",
        clusterEndpoints: [
          ["pve1", true],
          ["pve2", true],
          ["pve3", false],
          ["pve4", true],
        ].map(([n, ok]) => ({
          NodeName: n,
          Host: `https://${n}.lan:8006`,
          IP: "10.20.0.2",
          Online: ok,
          PulseReachable: ok,
          PulseError: ok ? "" : "connection timed out",
        })),
      },
      {
        id: "pve-1",
        type: "pve",
        name: "lab",
        host: "https://lab.lan:8006",
        user: "root@pam",
        hasPassword: true,
        hasToken: false,
        verifySSL: true,
        monitorVMs: true,
        monitorContainers: true,
        monitorStorage: true,
        monitorBackups: true,
        temperatureMonitoringEnabled: false,
        status: "disconnected",
        statusReason: "certificate fingerprint changed from 9F:2C… to 41:7E…",
      },
      {
        id: "pbs-0",
        type: "pbs",
        name: "pbs1",
        host: "https://pbs1.lan:8007",
        tokenName: "pulse@pbs!monitor",
        hasPassword: false,
        hasToken: true,
        verifySSL: true,
        status: "connected",
        monitorDatastores: true,
      },
    ],
    tokens: [
      {
        id: "t1",
        name: "nas-01 agent",
        prefix: "3f9a1c",
        suffix: "b2d4",
        createdAt: "2026-09-01T10:00:00Z",
        lastUsedAt: new Date(Date.now() - 8000).toISOString(),
        scopes: ["docker:report", "host-agent:report", "kubernetes:report"],
      },
      {
        id: "t2",
        name: "Primary token",
        prefix: "aa01cc",
        suffix: "9f00",
        createdAt: "2026-08-11T10:00:00Z",
        scopes: ["*"],
      },
    ],
    metadata: {},
    backups: Number(option("backups", "0")),
    ...settingsWorld(),
    ...o,
  });
  build();
}

const COLLECTIONS = [
  "nodes",
  "vms",
  "containers",
  "storage",
  "hosts",
  "physicalDisks",
  "zfsPools",
  "cephClusters",
  "clusters",
  "replicationJobs",
  "pbs",
  "pmg",
];
let state;
let handles;
let version = 1;
let tasks = [];
let backups;
/** Made when somebody asks: most tests do not. */
function knownBackups() {
  backups ??= makeBackups(state, random(world.guests + 9), Date.now(), {
    want: world.backups ?? 0,
    calm: world.scenario === "calm",
  });
  return backups;
}
function number() {
  let h = 1;
  handles = Object.fromEntries(COLLECTIONS.map((k) => [k, (state[k] ?? []).map(() => h++)]));
}
function build() {
  state = makeFleet({ guests: world.guests, scenario: world.scenario });
  tasks = makeTasks(state, random(world.guests + 3), Date.now(), world.scenario === "calm");
  state.pmg = world.guests > 0 ? makeMail(Date.now(), world.scenario === "calm", random(7)) : [];
  state.backupJobs = backupJobs(state, Date.now());
  backups = undefined;
  Object.assign(state, world.state ?? {});
  number();
  version += 1;
}

// --- live protocol
const wss = new WebSocketServer({
  noServer: true,
  handleProtocols: (set) => (set.has("pulse.v1+delta") ? "pulse.v1+delta" : false),
});
const frame = (message) => {
  const json = Buffer.from(JSON.stringify(message));
  return json.length > 512
    ? Buffer.concat([Buffer.from([1]), deflateRawSync(json, { level: 4 })])
    : Buffer.concat([Buffer.from([0]), json]);
};
const snapshot = () => frame({ type: "snapshot", version, at: Date.now(), state, handles });
const broadcast = (message) => {
  const bytes = frame(message);
  for (const client of wss.clients) client.send(bytes);
};
function tick(extra = {}) {
  const now = Date.now();
  const delta = step(state, handles, now);
  const from = version++;
  for (const [k, v] of Object.entries(extra)) delta[k] = k === "set" ? v : { ...delta[k], ...v };
  broadcast({ type: "delta", from, version, at: now, ...delta });
}
wss.on("connection", (socket) => {
  socket.send(frame({ type: "hello", server: "6.0.0-mock", interval: world.interval }));
  socket.send(snapshot());
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    if (message.type === "resync") socket.send(snapshot());
    if (message.type === "ping") socket.send(frame({ type: "pong", t: message.t }));
  });
});
let last = Date.now();
setInterval(() => {
  if (Date.now() - last < world.interval * 1000) return;
  last = Date.now();
  tick();
}, 250);

// --- HTTP
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const cookies = (req) =>
  Object.fromEntries((req.headers.cookie ?? "").split(/;\s*/).map((c) => c.split("=")));
const signedIn = (req) => !world.auth || world.sessions.has(cookies(req).pulse_session);
const resource = (id) =>
  ["nodes", "vms", "containers", "hosts", "storage"].flatMap((k) => state[k]).find((r) => r.id === id);

const server = createServer(async (req, res) => {
  const url = new URL(req.url, "http://x");
  const path = url.pathname;
  const json = (status, body, headers = {}) => {
    const text = JSON.stringify(body);
    res.writeHead(status, { "content-type": "application/json", ...headers });
    res.end(text);
  };
  const text = (status, body, headers = {}) => (
    res.writeHead(status, { "content-type": "text/plain", ...headers }),
    res.end(body)
  );
  const chunks = [];
  for await (const c of req) chunks.push(c);
  let body = {};
  try {
    body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : {};
  } catch {}

  if (path === "/__mock") {
    if (body.reset) reset(body.reset);
    if (body.set) {
      Object.assign(world, body.set);
      if ("guests" in body.set || "scenario" in body.set)
        (build(), broadcast({ type: "snapshot", version, at: Date.now(), state, handles }));
      if (world.refuseWs) for (const c of wss.clients) c.terminate();
    }
    if (body.state) {
      Object.assign(state, body.state);
      number();
      version += 1;
      broadcast({ type: "snapshot", version, at: Date.now(), state, handles });
    }
    if (body.tasks) {
      tasks = [...body.tasks, ...tasks];
      state.revisions = { ...state.revisions, tasks: (state.revisions?.tasks ?? 0) + 1 };
      tick({ set: { revisions: state.revisions } });
    }
    if (body.tick) tick(body.tick === true ? {} : body.tick);
    if (body.gap) version += 5;
    if (body.event) broadcast({ type: "event", ...body.event });
    if (body.expire) (world.sessions.clear(), [...wss.clients].forEach((c) => c.close(1008)));
    return json(200, {
      version,
      clients: wss.clients.size,
      guests: state.vms.length + state.containers.length,
      handles: body.handles ? handles : undefined,
      nodes: world.nodes,
      tokens: world.tokens,
    });
  }
  if (!path.startsWith("/api/")) {
    const file = normalize(join(dist, path));
    const found =
      file.startsWith(dist) && existsSync(file) && statSync(file).isFile() ? file : join(dist, "index.html");
    if (!existsSync(found)) return text(404, "no build; run npm run build");
    res.writeHead(200, {
      "content-type": TYPES[extname(found)] ?? "application/octet-stream",
      "content-security-policy":
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; font-src 'self'",
      ...(path.startsWith("/assets/")
        ? { "cache-control": "public, max-age=31536000, immutable" }
        : { "cache-control": "no-cache" }),
    });
    return createReadStream(found).pipe(res);
  }

  const route = `${req.method} ${path}`;
  if (world.apiError && path.includes(world.apiError.path))
    return text(world.apiError.status, world.apiError.body);
  switch (route) {
    case "GET /api/health":
      return json(200, { status: "healthy" }, { "set-cookie": `pulse_csrf=${world.csrf}; Path=/` });
    case "GET /api/version":
      return json(200, { version: "6.0.0", channel: "stable" });
    case "GET /api/security/status":
      return json(200, {
        requiresAuth: !world.setup && world.auth,
        hasAuthentication: !world.setup && world.auth,
        apiTokenConfigured: true,
        authUsername: !world.setup && world.auth && signedIn(req) ? world.user : "",
        oidcEnabled: false,
        agentUrl: `http://${req.headers.host}`,
        ...(world.setup
          ? {
              bootstrapTokenPath: "/etc/pulse/.bootstrap_token",
              isDocker: false,
              inContainer: true,
              lxcCtid: "117",
            }
          : {}),
      });
    case "POST /api/security/validate-bootstrap-token":
      return body.token === BOOTSTRAP
        ? (res.writeHead(204), res.end())
        : text(401, "The token is not the one in the file.");
    case "POST /api/security/quick-setup":
      if (req.headers["x-setup-token"] !== BOOTSTRAP) return text(401, "Bootstrap token required");
      if ((body.password ?? "").length < 12) return text(400, "password must have at least 12 characters");
      Object.assign(world, {
        setup: false,
        user: body.username,
        password: body.password,
        guests: 0,
        nodes: [],
        tokens: [],
      });
      build();
      return json(200, { success: true });
    case "POST /api/login": {
      if (world.failures >= 5)
        return json(403, {
          error: "account_locked",
          message: "Too many attempts.",
          remainingMinutes: 14,
          lockedUntil: "",
        });
      if (body.username !== world.user || body.password !== world.password) {
        world.failures += 1;
        return world.failures >= 5
          ? json(401, {
              error: "invalid_credentials",
              locked: true,
              lockoutDuration: "15 minutes",
              message: "Too many failed attempts",
            })
          : json(401, {
              error: "invalid_credentials",
              message: "Invalid username or password",
              attempts: world.failures,
              remaining: 5 - world.failures,
              maxAttempts: 5,
            });
      }
      world.failures = 0;
      const id = Math.random().toString(36).slice(2);
      world.sessions.add(id);
      return json(
        200,
        { success: true },
        {
          "set-cookie": [
            `pulse_session=${id}; Path=/; HttpOnly; SameSite=Lax`,
            `pulse_csrf=${world.csrf}; Path=/; SameSite=Lax`,
          ],
        },
      );
    }
    default:
  }
  if (!signedIn(req)) return json(401, { error: "Authentication required" });
  if (req.method !== "GET" && world.auth && req.headers["x-csrf-token"] !== world.csrf)
    return text(403, "CSRF token validation failed", {
      "x-csrf-token": world.csrf,
      "set-cookie": `pulse_csrf=${world.csrf}; Path=/`,
    });

  const nodeId = /^\/api\/config\/nodes\/([^/]+)(\/test|\/refresh-cluster)?$/.exec(path);
  if (nodeId && nodeId[1] !== "test-connection") {
    const at = world.nodes.findIndex((n) => n.id === decodeURIComponent(nodeId[1]));
    if (at < 0) return text(404, "Node not found");
    if (nodeId[2] === "/test")
      return world.nodes[at].status === "connected"
        ? json(200, { status: "success", message: "Connected", latency: 38, version: "9.0.6" })
        : json(400, { status: "error", message: world.nodes[at].statusReason ?? "connection refused" });
    if (nodeId[2])
      return json(200, {
        status: "success",
        clusterName: "fra-1",
        oldNodeCount: 4,
        newNodeCount: 4,
        nodesAdded: 0,
      });
    if (req.method === "DELETE") world.nodes.splice(at, 1);
    else {
      const { tokenValue, password, ...rest } = body;
      Object.assign(
        world.nodes[at],
        rest,
        tokenValue ? { hasToken: true, hasPassword: false } : {},
        password ? { hasPassword: true, hasToken: false } : {},
      );
    }
    return json(200, { status: "success" });
  }
  const tokenId = /^\/api\/security\/tokens\/(.+)$/.exec(path);
  if (tokenId && req.method === "DELETE") {
    world.tokens = world.tokens.filter((t) => t.id !== tokenId[1]);
    return (res.writeHead(204), res.end());
  }
  const meta = /^\/api\/guests\/metadata\/(.+)$/.exec(path);
  if (meta) {
    const id = decodeURIComponent(meta[1]);
    if (req.method === "PUT") world.metadata[id] = { id, ...body };
    return json(200, world.metadata[id] ?? { id });
  }
  const answer = settingsRoute(route, { world, body, state, host: req.headers.host, broadcast });
  if (answer) return json(...answer);
  switch (route) {
    case "POST /api/logout":
      world.sessions.delete(cookies(req).pulse_session);
      return json(200, { success: true });
    case "GET /api/state":
      return json(200, state);
    case "GET /api/guests/metadata":
      return json(200, world.metadata);
    case "GET /api/config/nodes":
      return json(200, world.nodes);
    case "POST /api/config/nodes": {
      if (world.nodes.some((n) => n.host === body.host))
        return text(409, "A node with this host already exists");
      const { tokenValue, password, ...rest } = body;
      world.nodes.push({
        id: `${body.type}-${Math.random().toString(36).slice(2, 6)}`,
        ...rest,
        hasToken: Boolean(tokenValue),
        hasPassword: Boolean(password),
        status: "connected",
        monitorVMs: true,
        monitorContainers: true,
      });
      if (world.guests === 0) {
        world.guests = 15;
        setTimeout(
          () => (build(), broadcast({ type: "snapshot", version, at: Date.now(), state, handles })),
          1200,
        );
      }
      return json(201, { status: "success" });
    }
    case "POST /api/config/nodes/test-connection":
      await new Promise((r) => setTimeout(r, 250));
      if (String(body.host).includes("bad"))
        return text(400, "certificate fingerprint does not match: the server offered 41:7E:A0:C3:19:E8");
      if (String(body.tokenValue ?? body.password).includes("wrong"))
        return text(400, "authentication failed: the token or password was refused");
      return json(200, {
        status: "success",
        message: "Connected to Proxmox VE",
        isCluster: true,
        clusterName: "fra-2",
        nodeCount: 3,
        clusterNodeCount: 3,
        version: "9.0.6",
        latency: 38,
        fingerprint: "9F:2C:61:0B:AA:10:33:71:C8:D4:7A",
        warnings: ["No storage permission: backups on shared storage stay invisible."],
      });
    case "POST /api/setup-script-url":
      return json(200, {
        command: `curl -fsSL http://${req.headers.host}/api/setup-script?type=${body.type} | bash -s -- K4TR-88QD`,
        expires: Math.floor(Date.now() / 1000) + 900,
      });
    case "GET /api/security/tokens":
      return json(200, { tokens: world.tokens });
    case "POST /api/security/tokens": {
      const record = {
        id: Math.random().toString(36).slice(2),
        name: body.name || "API token",
        prefix: "c0ffee",
        suffix: "0042",
        createdAt: new Date().toISOString(),
        scopes: body.scopes ?? ["*"],
        expiresAt: body.expiresAt,
      };
      world.tokens.unshift(record);
      return json(200, { token: "c0ffee" + "5a".repeat(27) + "0042", record });
    }
    case "POST /api/security/change-password":
      return body.currentPassword === world.password
        ? ((world.password = body.newPassword), json(200, { success: true }))
        : json(401, { error: "Current password is incorrect", code: "unauthorized", status_code: 401 });
    case "GET /api/system/mock-mode":
      return json(200, { enabled: world.mockMode });
    case "POST /api/system/mock-mode":
      world.mockMode = body.enabled;
      world.guests = body.enabled ? 62 : 0;
      build();
      broadcast({ type: "snapshot", version, at: Date.now(), state, handles });
      return json(200, { enabled: world.mockMode });
    case "GET /api/backups/table":
      return json(200, backupTable(knownBackups()));
    case "GET /api/backups/coverage":
      return json(200, backupCoverage(state, knownBackups(), Date.now(), world.scenario === "calm"));
    case "GET /api/snapshots":
      return json(200, backupSnapshots(knownBackups()));
    case "GET /api/backups/frequency":
      return json(
        200,
        backupFrequency(
          knownBackups(),
          Number(url.searchParams.get("days") ?? 30),
          Date.now(),
          world.scenario === "calm",
        ),
      );
    case "GET /api/tasks": {
      const only = (url.searchParams.get("outcome") ?? "").split(",").filter(Boolean);
      const types = (url.searchParams.get("type") ?? "").split(",").filter(Boolean);
      const since = Number(url.searchParams.get("since") ?? 0);
      const found = tasks.filter(
        (t) =>
          (!only.length || only.includes(t.outcome)) &&
          (!types.length || types.includes(t.type)) &&
          t.startTime >= since,
      );
      return json(200, { tasks: found, total: found.length });
    }
    case "GET /api/metrics-store/history": {
      const id = url.searchParams.get("resourceId");
      const range = url.searchParams.get("range") ?? "24h";
      const found = resource(id);
      return json(200, {
        resourceType: url.searchParams.get("resourceType"),
        resourceId: id,
        range,
        ...(found ? history(found, range, 240, world.youngest) : { start: 0, end: 0, metrics: {} }),
      });
    }
    case "GET /api/charts": {
      const ids = (url.searchParams.get("ids") ?? "").split(",").filter(Boolean);
      const range = url.searchParams.get("range") ?? "1h";
      const pick = (id) => {
        const r = resource(id);
        if (!r || !["running", "online", "available"].includes(r.status)) return undefined;
        if (r.storage) return storageSeries(r, range);
        const h = history(r, range, 56);
        return Object.fromEntries(
          ["cpu", "memory", "disk"].map((m) => [
            m,
            h.metrics[m].map((p) => ({ timestamp: p.timestamp, value: p.value })),
          ]),
        );
      };
      const nodeIds = new Set(state.nodes.map((n) => n.id));
      const storageIds = new Set(state.storage.map((s) => s.id));
      const split = (keep) =>
        Object.fromEntries(
          ids
            .filter(keep)
            .map((id) => [id, pick(id)])
            .filter(([, v]) => v),
        );
      const out = JSON.stringify({
        data: split((id) => !nodeIds.has(id) && !storageIds.has(id)),
        storageData: split((id) => storageIds.has(id)),
        nodeData: split((id) => nodeIds.has(id)),
        timestamp: Date.now(),
      });
      res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
      return res.end(gzipSync(out));
    }
    default:
      return text(404, "404 page not found");
  }
});
server.on("upgrade", (req, socket, head) => {
  if (world.refuseWs || !signedIn(req)) return socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
  wss.handleUpgrade(req, socket, head, (ws) => wss.emit("connection", ws, req));
});
reset();
server.listen(port, "127.0.0.1", () =>
  console.log(
    `mock on http://127.0.0.1:${port}, sign in as admin / ${world.password}, set-up token ${BOOTSTRAP}`,
  ),
);
