// Starts a fresh server again and again with a cluster of the fleet configured, and counts the
// starts after which all guests were shown. A start counts as failed when the process ends or the
// guests are not there within 20 s.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};
const fleet = option("fleet", "L");
const times = Number(option("times", 100));
const target = process.env.CARGO_TARGET_DIR ?? join(process.env.HOME, ".cache/pulse/target");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const port = 20000 + Math.floor(Math.random() * 20000);
const url = `http://127.0.0.1:${port}`;
const token = randomBytes(32).toString("base64url");
const root = mkdtempSync(join(tmpdir(), "pulse-starts-"));
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});
const start = (program, args, env) => {
  const child = spawn(join(target, "release", program), args, { env: { ...process.env, ...env }, stdio: "ignore" });
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
};
const get = async (address, init = {}) => {
  const answer = await fetch(address, { ...init, headers: { "X-API-Token": token, "Content-Type": "application/json" } }).catch(() => null);
  return answer?.ok ? answer.json() : null;
};
const until = async (look, ms) => {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
    const found = await look();
    if (found) return found;
  }
  return null;
};

start("pulse-sim", ["--fleet", fleet, "--port", String(port + 1), "--no-delays"], {});
const access = await until(() => get(`https://127.0.0.1:${port + 1}/_sim/access`), 10_000);
const env = (data) => ({ PULSE_DATA_DIR: data, FRONTEND_PORT: String(port), BIND_ADDRESS: "127.0.0.1", API_TOKEN: token, LOG_LEVEL: "error" });
// The node is configured once; each start gets a copy of that data directory without history.
const template = join(root, "template");
let server = start("pulse", [], env(template));
await until(() => get(`${url}/api/health`), 10_000);
await get(`${url}/api/config/nodes`, {
  method: "POST",
  body: JSON.stringify({ type: "pve", name: "dc", host: `https://127.0.0.1:${port + 1}`, tokenName: access.token.id, tokenValue: access.token.secret, verifySSL: false }),
});
server.kill("SIGTERM");
await until(() => server.exitCode !== null || server.signalCode !== null, 10_000);
for (const file of ["metrics.db", "metrics.db-wal", "metrics.db-shm"]) rmSync(join(template, file), { force: true });

let good = 0;
const took = [];
for (let i = 0; i < times; i++) {
  const data = join(root, `run-${i}`);
  cpSync(template, data, { recursive: true });
  const t = performance.now();
  server = start("pulse", [], env(data));
  const shown = await until(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return null;
    const state = await get(`${url}/api/state`);
    return state && state.vms.length + state.containers.length > 0 && state.vms.length + state.containers.length;
  }, 20_000);
  if (shown && server.exitCode === null && server.signalCode === null) {
    good++;
    took.push(performance.now() - t);
  } else {
    console.log(`start ${i + 1}: ${server.exitCode ?? server.signalCode ?? "no guests"}`);
  }
  server.kill("SIGKILL");
  await until(() => server.exitCode !== null || server.signalCode !== null, 5_000);
  rmSync(data, { recursive: true, force: true });
}
took.sort((a, b) => a - b);
const result = { fleet, starts: times, good, ms_to_all_guests: { median: Math.round(took[Math.floor(took.length / 2)]), max: Math.round(took.at(-1)) } };
console.log(JSON.stringify(result));
const results = join(dirname(fileURLToPath(import.meta.url)), "results");
mkdirSync(results, { recursive: true });
writeFileSync(join(results, `${new Date().toISOString().slice(0, 10)}-starts.json`), JSON.stringify(result, null, 2) + "\n");
process.exit(good === times ? 0 : 1);
