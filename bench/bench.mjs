// Measures a release build from outside, against a simulated fleet, and writes bench/results.
//
//   node bench/bench.mjs [--fleet L] [--agents 50] [--browsers 5] [--minutes 10] [--label NAME]
//
// Needs Linux. Uses wrk for the request rate when it is installed. Run it with nothing else
// running: the numbers are those of this machine at this moment.
import { spawn, execFileSync, execSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync, rmSync, statSync, existsSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { tmpdir, cpus, release, totalmem } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import net from "node:net";

const here = dirname(fileURLToPath(import.meta.url));
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};
const fleet = option("fleet", "L");
const agents = Number(option("agents", 50));
const browsers = Number(option("browsers", 5));
const minutes = Number(option("minutes", 10));
const label = option("label", "");
const target = process.env.CARGO_TARGET_DIR ?? join(process.env.HOME, ".cache/pulse/target");
const pulse = join(target, "release/pulse");
const sim = join(target, "release/pulse-sim");
for (const file of [pulse, sim]) if (!existsSync(file)) throw new Error(`${file} is missing: run make build first`);

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const port = 20000 + Math.floor(Math.random() * 20000);
const simPort = port + 1;
const url = `http://127.0.0.1:${port}`;
const token = randomBytes(32).toString("base64url");
const data = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "pulse-bench-"));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(data, { recursive: true, force: true });
});
const start = (program, args, env = {}) => {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (child.output += text));
  children.push(child);
  return child;
};
const api = async (path, { method = "GET", body, headers = {} } = {}) => {
  const answer = await fetch(url + path, {
    method,
    headers: { "X-API-Token": token, ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
    body: body && JSON.stringify(body),
  });
  return answer;
};

// --- what /proc says ---
const clock = Number(execFileSync("getconf", ["CLK_TCK"]));
const proc = (pid, file) => readFileSync(`/proc/${pid}/${file}`, "utf8");
const cpuSeconds = (pid) => {
  const fields = proc(pid, "stat").slice(proc(pid, "stat").lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / clock;
};
const field = (pid, file, key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(proc(pid, file))?.[1] ?? 0);
const pss = (pid) => field(pid, "smaps_rollup", "Pss") / 1024;
const written = (pid) => field(pid, "io", "write_bytes");
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

// --- a browser's socket, without a browser ---
function socket(protocol, onFrame) {
  return new Promise((resolve, reject) => {
    const connection = net.connect(port, "127.0.0.1");
    const stats = { bytes: 0, frames: 0, connection };
    connection.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\n` +
        `X-API-Token: ${token}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ""}\r\n`,
    );
    let buffer = Buffer.alloc(0);
    let open = false;
    connection.on("data", (chunk) => {
      if (open) stats.bytes += chunk.length;
      buffer = Buffer.concat([buffer, chunk]);
      if (!open) {
        const end = buffer.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!buffer.subarray(0, end).includes("101")) return reject(new Error(buffer.subarray(0, end).toString()));
        buffer = buffer.subarray(end + 4);
        open = true;
        resolve(stats);
      }
      for (;;) {
        if (buffer.length < 2) return;
        let length = buffer[1] & 127;
        let offset = 2;
        if (length === 126) {
          if (buffer.length < 4) return;
          length = buffer.readUInt16BE(2);
          offset = 4;
        } else if (length === 127) {
          if (buffer.length < 10) return;
          length = Number(buffer.readBigUInt64BE(2));
          offset = 10;
        }
        if (buffer.length < offset + length) return;
        const opcode = buffer[0] & 15;
        const body = buffer.subarray(offset, offset + length);
        if (opcode === 9) connection.write(Buffer.concat([Buffer.from([0x8a, 0x80]), randomBytes(4)]));
        else {
          stats.frames++;
          onFrame?.(body, opcode);
        }
        buffer = buffer.subarray(offset + length);
      }
    });
    connection.on("error", reject);
  });
}
const unpack = (body) => JSON.parse(body[0] === 1 ? inflateRawSync(body.subarray(1)) : body.subarray(1));

// --- start everything ---
const simArgs = ["--fleet", fleet, "--port", String(simPort), "--seed", "1", "--no-delays"];
const simProcess = start(sim, simArgs);
const server = start(pulse, [], {
  PULSE_DATA_DIR: data,
  FRONTEND_PORT: String(port),
  BIND_ADDRESS: "127.0.0.1",
  API_TOKEN: token,
  LOG_LEVEL: "warn",
});
for (let i = 0; i < 200; i++) {
  if (await fetch(`${url}/api/health`).then((r) => r.ok).catch(() => false)) break;
  if (server.exitCode !== null) throw new Error(server.output);
  await sleep(50);
}
const access = await (async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  for (let i = 0; i < 100; i++) {
    const answer = await fetch(`https://127.0.0.1:${simPort}/_sim/access`).catch(() => null);
    if (answer?.ok) return answer.json();
    await sleep(50);
  }
  throw new Error(simProcess.output);
})();
const clusters = { XL: 10, XXL: 40 }[fleet.toUpperCase()] ?? 1;
const [tokenName, tokenValue] = (access.token?.id ? [access.token.id, access.token.secret] : [access.tokens?.[0]?.id, access.tokens?.[0]?.secret]);
for (let i = 0; i < clusters; i++) {
  const answer = await api("/api/config/nodes", {
    method: "POST",
    body: { type: "pve", name: `dc${i + 1}`, host: `https://127.0.0.1:${simPort + i}`, tokenName, tokenValue, verifySSL: false },
  });
  if (!answer.ok) throw new Error(`node not added: ${answer.status} ${await answer.text()}`);
}
if (agents > 0) {
  start(sim, ["--fleet", "S", "--port", String(simPort + 100), "--agents", String(agents), "--server", url, "--token", token, "--interval", "10"]);
}

// --- browsers and the latency of changes ---
const sockets = [];
for (let i = 0; i < browsers; i++) sockets.push(await socket("pulse.v1+delta"));
const v5 = browsers > 0 ? await socket("") : null;

const results = {};
const note = (name, value, unit, reach) => {
  results[name] = { value, unit, reach };
  console.log(`${name.padEnd(58)} ${String(value).padStart(10)} ${unit}${reach ? `   (reach ${reach})` : ""}`);
};

if (!server.pid) throw new Error("no server");
console.log(`fleet ${fleet}, ${agents} agents, ${browsers} browsers, ${minutes} min; warming up for 90 s`);
await sleep(90_000);
await fetch(`https://127.0.0.1:${simPort}/_sim/requests`, { method: "DELETE" });
const stats0 = await (await api("/api/metrics-store/stats")).json();
const memory = [];
const before = { cpu: cpuSeconds(server.pid), io: written(server.pid), at: Date.now(), ws: sockets.map((s) => s.bytes), v5: v5?.bytes ?? 0 };
const end = Date.now() + minutes * 60_000;
while (Date.now() < end) {
  await sleep(5000);
  memory.push(pss(server.pid));
}
const seconds = (Date.now() - before.at) / 1000;
const cpu = cpuSeconds(server.pid) - before.cpu;
const io = written(server.pid) - before.io;
const stats1 = await (await api("/api/metrics-store/stats")).json();
const samples = stats1.totalWrites - stats0.totalWrites;
const requests = await (await fetch(`https://127.0.0.1:${simPort}/_sim/requests`)).json();
const list = Array.isArray(requests) ? requests : (requests.requests ?? Object.values(requests));
const asked = requests.total ?? list.reduce((sum, r) => sum + (r.requests ?? r.count ?? 0), 0);
const state = await (await api("/api/state")).json();
note("guests", state.vms.length + state.containers.length, "");
note("hosts", state.hosts.length, "");
note("resident memory, PSS, median", +median(memory).toFixed(1), "MB", fleet === "L" ? "≤ 50" : fleet === "XL" ? "≤ 150" : "");
note("resident memory, PSS, max", +Math.max(...memory).toFixed(1), "MB");
note("CPU of a core", +((100 * cpu) / seconds).toFixed(2), "%", fleet === "L" ? "≤ 1.5" : "");
note("written to disk", +(io / seconds / 1000).toFixed(2), "kB/s", fleet === "L" ? "≤ 15" : "");
note("written to disk per sample", +(io / samples).toFixed(2), "B", "≤ 22");
note("samples a second", +(samples / seconds).toFixed(1), "");
note(`CPU per 1 M samples, ${browsers || agents ? "everything included" : "poll to disk"}`, +((cpu / samples) * 1e6).toFixed(2), "s", browsers || agents ? "" : "≤ 5");
if (browsers > 0) note("WebSocket, per browser (delta)", +(median(sockets.map((s, i) => s.bytes - before.ws[i])) / seconds / 1000).toFixed(2), "kB/s", "≤ 4");
if (v5) note("WebSocket, per v5 client (full state)", +((v5.bytes - before.v5) / seconds / 1000).toFixed(2), "kB/s");
note("requests to Proxmox per 10 s, first cluster", +((asked / seconds) * 10).toFixed(1), "", "≤ 120");
v5?.connection.destroy();

// --- state over HTTP ---
if (execSync("command -v wrk || true").toString().trim()) {
  for (const encoding of ["gzip", "zstd"]) {
    const out = execFileSync("wrk", ["-t1", "-c8", "-d8s", "--latency", "-H", `X-API-Token: ${token}`, "-H", `Accept-Encoding: ${encoding}`, `${url}/api/state`]).toString();
    const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]);
    const p99 = /99%\s+([\d.]+)(us|ms|s)/.exec(out);
    note(`GET /api/state, ${encoding}, requests a second`, Math.round(rate), "", encoding === "gzip" ? "≥ 5000 on one core" : "");
    note(`GET /api/state, ${encoding}, p99`, p99 ? +(Number(p99[1]) * { us: 0.001, ms: 1, s: 1000 }[p99[2]]).toFixed(2) : NaN, "ms", "≤ 5");
  }
}
const body = await api("/api/state", { headers: { "Accept-Encoding": "identity" } });
note("GET /api/state, plain", +((await body.arrayBuffer()).byteLength / 1000).toFixed(0), "kB");

// --- history ---
for (const [name, path] of [
  ["history of one guest, all metrics, 1 h", `/api/metrics-store/history?resourceType=guest&resourceId=${encodeURIComponent(state.vms[0].id)}&range=1h`],
  ["charts of everything, 1 h", "/api/charts?range=1h"],
]) {
  const times = [];
  for (let i = 0; i < 7; i++) {
    const t = performance.now();
    await (await api(path)).arrayBuffer();
    times.push(performance.now() - t);
  }
  note(name, +median(times).toFixed(1), "ms");
}

// --- change to byte: 100 sockets, time from the end of a poll to the frame ---
{
  const arrivals = [];
  const many = [];
  for (let i = 0; i < 100; i++) {
    many.push(
      await socket("pulse.v1+delta", (bytes) => {
        const at = Date.now();
        const frame = unpack(bytes);
        if (frame.type === "delta" && (frame.vms || frame.containers)) arrivals.push(at - frame.at);
      }),
    );
  }
  await sleep(45_000);
  for (const one of many) one.connection.destroy();
  note("state version encoded → byte on 100 WebSockets, p99", quantile(arrivals, 0.99), "ms", "≤ 100");
  note("frames counted for it", arrivals.length, "");
}

// --- kill and start again ---
{
  server.kill("SIGKILL");
  await sleep(200);
  const t = performance.now();
  const again = start(pulse, [], { PULSE_DATA_DIR: data, FRONTEND_PORT: String(port), BIND_ADDRESS: "127.0.0.1", API_TOKEN: token, LOG_LEVEL: "warn" });
  for (;;) {
    if (await fetch(`${url}/api/health`).then((r) => r.ok).catch(() => false)) break;
    if (again.exitCode !== null) throw new Error(again.output);
    await sleep(5);
  }
  note("start to ready after kill -9", Math.round(performance.now() - t), "ms", "≤ 1000");
}
note("data directory", +(["metrics.db", "metrics.db-wal", "pulse.db", "pulse.db-wal"].reduce((sum, file) => sum + (existsSync(join(data, file)) ? statSync(join(data, file)).size : 0), 0) / 1e6).toFixed(2), "MB");

const machine = { cpu: cpus()[0].model, cores: cpus().length, memory_gib: Math.round(totalmem() / 2 ** 30), kernel: release() };
const day = new Date().toISOString().slice(0, 10);
mkdirSync(join(here, "results"), { recursive: true });
const name = `${day}-${fleet.toLowerCase()}${label ? `-${label}` : ""}`;
writeFileSync(join(here, "results", `${name}.json`), JSON.stringify({ date: new Date().toISOString(), machine, fleet, agents, browsers, seconds: Math.round(seconds), results }, null, 2) + "\n");
console.log(`written to bench/results/${name}.json`);
process.exit(0);
