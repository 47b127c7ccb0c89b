// What a person waits for: a fresh browser, the log-in page, then the guest table. Measures with
// Chromium against a release build and a simulated fleet, and writes bench/results.
//
//   node bench/first-load.mjs [--fleet L] [--times 10] [--shots FOLDER]
//
// A sample is the time from the click on "Sign in" to the first painted row of the guest table, in a
// new browser context with an empty cache. With --shots, pictures of the pages are kept.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(join(here, "../web/package.json"))("playwright-core");
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};
const fleet = option("fleet", "L").toUpperCase();
const times = Number(option("times", 10));
const shots = option("shots", "");
const target = process.env.CARGO_TARGET_DIR ?? join(process.env.HOME, ".cache/pulse/target");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const port = 20000 + Math.floor(Math.random() * 20000);
const url = `http://127.0.0.1:${port}`;
const data = mkdtempSync(join(tmpdir(), "pulse-load-"));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(data, { recursive: true, force: true });
});
const start = (program, args, env = {}) => {
  const file = join(target, "release", program);
  if (!existsSync(file)) throw new Error(`${file} is missing: run make build first`);
  children.push(spawn(file, args, { env: { ...process.env, ...env }, stdio: "ignore" }));
};
async function eventually(what, ask) {
  for (let i = 0; i < 600; i += 1) {
    const answer = await ask().catch(() => null);
    if (answer) return answer;
    await sleep(100);
  }
  throw new Error(`never: ${what}`);
}

start("pulse-sim", ["--fleet", fleet, "--port", String(port + 1), "--seed", "1", "--no-delays"]);
start("pulse", [], {
  PULSE_DATA_DIR: data,
  FRONTEND_PORT: String(port),
  BIND_ADDRESS: "127.0.0.1",
  PULSE_AUTH_USER: "admin",
  PULSE_AUTH_PASS: "correct horse battery",
  API_TOKEN: "0123456789abcdef0123456789abcdef",
  LOG_LEVEL: "warn",
});
const api = (path, body) =>
  fetch(url + path, {
    method: body ? "POST" : "GET",
    headers: { "X-API-Token": "0123456789abcdef0123456789abcdef", "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
const { token } = await eventually("the simulator answers", async () => {
  const answer = await fetch(`https://127.0.0.1:${port + 1}/_sim/access`);
  return answer.ok && answer.json();
});
await eventually("the server answers", async () => (await fetch(`${url}/api/health`)).ok);
for (let i = 0; i < ({ XL: 10 }[fleet] ?? 1); i += 1) {
  const answer = await api("/api/config/nodes", {
    type: "pve",
    name: `dc${i + 1}`,
    host: `https://127.0.0.1:${port + 1 + i}`,
    tokenName: token.id,
    tokenValue: token.secret,
    verifySSL: false,
  });
  if (!answer.ok) throw new Error(await answer.text());
}
let guests = 0;
await eventually("all guests are known", async () => {
  const state = await (await api("/api/state")).json();
  const now = state.vms.length + state.containers.length;
  const same = now > 0 && now === guests;
  guests = now;
  if (!same) await sleep(3000);
  return same;
});

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const rows = '[data-row="guest"]';
async function visit(options, run) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  try {
    return await run(page, context);
  } finally {
    await context.close();
  }
}
async function signIn(page, timed = true) {
  await page.goto(url);
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill("correct horse battery");
  if (!timed) {
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.locator(".hdr").waitFor();
    return 0;
  }
  // The clock is the page's own; painted means: two frames after the row is in the document.
  await page.evaluate((selector) => {
    window.shown = new Promise((done) => {
      document.addEventListener("submit", () => (window.pressed = performance.now()), { capture: true, once: true });
      const look = new MutationObserver(() => {
        if (!document.querySelector(selector)) return;
        look.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - window.pressed)));
      });
      look.observe(document.body, { childList: true, subtree: true });
    });
  }, rows);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  return page.evaluate(() => window.shown);
}

const desktop = { viewport: { width: 1440, height: 900 } };
const samples = [];
let scripts = 0;
let everything = 0;
for (let i = 0; i < times; i += 1) {
  samples.push(
    await visit(desktop, async (page, context) => {
      const cdp = await context.newCDPSession(page);
      await cdp.send("Network.enable");
      const kinds = new Map();
      let script = 0;
      let all = 0;
      cdp.on("Network.responseReceived", (e) => kinds.set(e.requestId, e.type));
      cdp.on("Network.loadingFinished", (e) => {
        all += e.encodedDataLength;
        if (kinds.get(e.requestId) === "Script") script += e.encodedDataLength;
      });
      const took = await signIn(page);
      await sleep(500);
      [scripts, everything] = [script, all];
      return took;
    }),
  );
  // Log-ins are limited to ten a minute.
  await sleep(6500);
}
samples.sort((a, b) => a - b);
const result = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} cores, ${cpus()[0]?.model}`,
  fleet,
  guests,
  times,
  table_visible_ms: { median: Math.round(samples[Math.floor(times / 2)]), best: Math.round(samples[0]), worst: Math.round(samples.at(-1)) },
  javascript_kb: +(scripts / 1000).toFixed(1),
  everything_kb: +(everything / 1000).toFixed(1),
};
console.log(JSON.stringify(result, null, 2));
mkdirSync(join(here, "results"), { recursive: true });
const file = join(here, "results", `${result.date}-first-load-${fleet.toLowerCase()}.json`);
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);

if (shots) {
  mkdirSync(shots, { recursive: true });
  const pages = option("pages", "/").split(",");
  for (const colorScheme of ["dark", "light"])
    for (const [name, viewport] of [["1440", { width: 1440, height: 900 }], ["390", { width: 390, height: 844 }]])
      await visit({ viewport, colorScheme, isMobile: name === "390", hasTouch: name === "390" }, async (page) => {
        await sleep(6500);
        await signIn(page, false);
        for (const path of pages) {
          await page.goto(url + path);
          await page.waitForTimeout(2500);
          const slug = path.replace(/\W+/g, "-").replace(/^-|-$/g, "") || "overview";
          await page.screenshot({ path: join(shots, `${fleet.toLowerCase()}-${slug}-${name}-${colorScheme}.png`) });
        }
      });
}
await browser.close();
process.exit(0);
