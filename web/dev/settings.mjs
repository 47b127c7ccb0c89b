// System settings, discovery, push set-up, scheduler and diagnostics of the stand-in server.
const iso = (ms) => new Date(ms).toISOString();

export const settingsWorld = () => ({
  settings: {
    pvePollingInterval: 10,
    pbsPollingInterval: 60,
    pmgPollingInterval: 60,
    backupPollingEnabled: true,
    connectionTimeout: 60,
    discoveryEnabled: false,
    discoverySubnet: "auto",
    discoveryConfig: {
      environment_override: "auto",
      subnet_blocklist: ["169.254.0.0/16"],
      max_hosts_per_scan: 1024,
    },
    allowEmbedding: false,
    temperatureMonitoringEnabled: true,
    allowedOrigins: "",
    publicURL: "https://pulse.example.net",
    envOverrides: { publicURL: true, PVE_POLLING_INTERVAL: true },
  },
  found: [
    { ip: "192.168.20.9", port: 8007, type: "pbs", version: "4.0.15", hostname: "pbs-attic.lan" },
    { ip: "192.168.20.31", port: 8006, type: "pve", version: "9.0.6", hostname: "pve7.lan" },
  ],
  scannedAt: 0,
});

const poll = (key, type, now, more = {}) => ({
  key: `${type}::${key}`,
  type,
  displayName: key,
  instance: key,
  connection: `https://${key}.lan:${type === "pbs" ? 8007 : 8006}`,
  pollStatus: { lastSuccess: iso(now - 4000), consecutiveFailures: 0 },
  breaker: { state: "closed", since: iso(now - 8e7), lastTransition: iso(now - 8e7), failureCount: 0 },
  deadLetter: { present: false },
  lastDurationMs: 212,
  inFlight: false,
  intervalMs: type === "pve" ? 10_000 : 60_000,
  nextRun: iso(now + 6000),
  requestsPer10s: type === "pve" ? 9.4 : 1.2,
  ...more,
});

function health(state, calm, now) {
  const instances = (state.instances ?? []).map((i) => poll(i.name, "pve", now));
  instances.push(poll("pbs1", "pbs", now), poll("mail", "pmg", now));
  if (!calm)
    instances.push(
      poll("pbs2", "pbs", now, {
        pollStatus: {
          lastSuccess: iso(now - 720_000),
          lastError: {
            at: iso(now - 60_000),
            message: "pbs2.lan:8007: connection timed out",
            category: "transient",
          },
          consecutiveFailures: 14,
          firstFailureAt: iso(now - 700_000),
        },
        breaker: {
          state: "open",
          since: iso(now - 400_000),
          lastTransition: iso(now - 400_000),
          retryAt: iso(now + 90_000),
          failureCount: 14,
        },
        deadLetter: {
          present: true,
          reason: "connectivity",
          firstAttempt: iso(now - 400_000),
          lastAttempt: iso(now - 60_000),
          retryCount: 6,
          nextRetry: iso(now + 90_000),
        },
        requestsPer10s: 0.1,
      }),
    );
  return {
    updatedAt: iso(now),
    enabled: false,
    queue: { depth: 1, dueWithinSeconds: 3, perType: { pve: 1 } },
    deadLetter: { count: calm ? 0 : 1, tasks: [] },
    instances,
  };
}

/** `[status, body]`, or undefined when the route is another's. */
export function settingsRoute(route, { world, body, state, host, broadcast }) {
  const now = Date.now();
  switch (route) {
    case "GET /api/system/settings":
      return [200, world.settings];
    case "POST /api/system/settings/update": {
      const interval = body.pvePollingInterval;
      if (interval !== undefined && (interval < 10 || interval > 3600))
        return [400, { error: "PVE polling interval must be at least 10 seconds" }];
      Object.assign(world.settings, body);
      return [200, { success: true }];
    }
    case "GET /api/discover":
      return [
        200,
        world.scannedAt
          ? {
              servers: world.found,
              errors: [],
              cached: true,
              updated: Math.round(world.scannedAt / 1000),
              age: 4,
            }
          : { servers: [], errors: null, cached: false, updated: 0, age: 0 },
      ];
    case "POST /api/discover":
      world.scannedAt = now;
      broadcast({
        type: "event",
        name: "discovery_progress",
        data: {
          progress: {
            current_phase: "local networks",
            total_targets: 254,
            total_processed: 120,
            percentage: 47,
            servers_found: 1,
          },
        },
      });
      return [200, { servers: world.found, errors: [], cached: false, scanning: false }];
    case "GET /api/monitoring/scheduler/health":
      return [200, health(state, world.scenario === "calm", now)];
    case "GET /api/push/setup":
      return [
        200,
        {
          baseURL: `http://${host}`,
          token: { placeholder: "PUSH-TOKEN", scope: "push:report", hint: "" },
          metricServers: [
            {
              instance: "fra-1",
              commands: [
                `pvesh create /cluster/metrics/server/pulse --type influxdb --server ${host.split(":")[0]} --port 7655 --influxdbproto http --api-path-prefix api/push/influx --token PUSH-TOKEN`,
              ],
              gui: {
                path: "Datacenter → Metric Server → Add → InfluxDB",
                fields: [
                  { field: "Server", value: host.split(":")[0] },
                  { field: "Protocol", value: "HTTP" },
                ],
              },
            },
          ],
          webhooks: [
            {
              instance: "fra-1",
              type: "pve",
              url: `http://${host}/api/push/events`,
              commands: [
                `pvesh create /cluster/notifications/endpoints/webhook --name pulse --method post --url http://${host}/api/push/events`,
              ],
              gui: {
                path: "Datacenter → Notifications → Add → Webhook",
                fields: [{ field: "Method/URL", value: "POST" }],
              },
            },
          ],
          listeners: {
            influxUDP: null,
            graphite: null,
            hint: "without a login: off unless a variable names an address",
          },
        },
      ];
    case "GET /api/diagnostics":
      return [
        200,
        {
          version: "6.0.0",
          uptime: 93_600,
          system: { os: "linux", arch: "amd64", numCPU: 4, memoryMB: 62 },
          apiTokens: {
            enabled: true,
            tokenCount: 2,
            unusedTokenCount: 1,
            tokens: [{ id: "t1", hint: "3f9a…b2d4" }],
          },
          nodes: [{ name: "fra-1", host: "https://10.20.0.2:8006", connected: true }],
          errors: [],
        },
      ];
    default:
      return undefined;
  }
}
