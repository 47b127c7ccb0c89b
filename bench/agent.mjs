// Memory and CPU of pulse-agent at 10 s, reporting to a sink on loopback.
import { spawn, execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const at = process.argv.indexOf("--minutes");
const minutes = at > 0 ? Number(process.argv[at + 1]) : 3;
const target = process.env.CARGO_TARGET_DIR ?? join(process.env.HOME, ".cache/pulse/target");
let reports = 0;
let bytes = 0;
const sink = createServer((request, response) => {
  request.on("data", (chunk) => (bytes += chunk.length));
  request.on("end", () => {
    if (request.method === "POST") reports++;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ success: true, hostId: "h", lastSeen: new Date().toISOString(), platform: "", osName: "", osVersion: "" }));
  });
});
await new Promise((done) => sink.listen(0, "127.0.0.1", done));
const state = mkdtempSync(join(tmpdir(), "pulse-agent-"));
const agent = spawn(join(target, "agent/pulse-agent"), ["--url", `http://127.0.0.1:${sink.address().port}`, "--health-addr=", "--interval", "10s"], {
  env: { ...process.env, PULSE_TOKEN: "bench", PULSE_STATE_DIR: state },
  stdio: "ignore",
});
process.on("exit", () => {
  agent.kill("SIGKILL");
  rmSync(state, { recursive: true, force: true });
});
const proc = (file) => readFileSync(`/proc/${agent.pid}/${file}`, "utf8");
const nanoseconds = () => Number(proc("schedstat").split(" ")[0]);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
await sleep(15_000);
const before = { cpu: nanoseconds(), at: performance.now(), reports, bytes };
const pss = [];
while (performance.now() - before.at < minutes * 60_000) {
  await sleep(5000);
  pss.push(Number(/^Pss:\s+(\d+)/m.exec(proc("smaps_rollup"))[1]) / 1024);
}
const seconds = (performance.now() - before.at) / 1000;
pss.sort((a, b) => a - b);
const result = {
  pss_mb: { median: +pss[Math.floor(pss.length / 2)].toFixed(2), max: +pss.at(-1).toFixed(2) },
  cpu_percent_of_core: +((100 * (nanoseconds() - before.cpu)) / 1e9 / seconds).toFixed(4),
  threads: Number(/^Threads:\s+(\d+)/m.exec(proc("status"))[1]),
  reports: reports - before.reports,
  bytes_per_report: Math.round((bytes - before.bytes) / Math.max(1, reports - before.reports)),
  seconds: Math.round(seconds),
  binary_mb: +(Number(execFileSync("stat", ["-c", "%s", join(target, "agent/pulse-agent")])) / 1e6).toFixed(2),
};
console.log(JSON.stringify(result));
const results = join(dirname(fileURLToPath(import.meta.url)), "results");
mkdirSync(results, { recursive: true });
writeFileSync(join(results, `${new Date().toISOString().slice(0, 10)}-agent.json`), JSON.stringify(result, null, 2) + "\n");
process.exit(0);
