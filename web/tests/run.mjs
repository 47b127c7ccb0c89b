// Runs the browser tests: against PULSE_URL, or else against the mock server and the build in dist.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const only = process.argv.slice(2);
let server;
let url = process.env.PULSE_URL;
if (!url) {
  if (!existsSync(join(here, "../dist/index.html"))) {
    console.error("there is no build; run npm run build first");
    process.exit(1);
  }
  const port = process.env.MOCK_PORT ?? "7688";
  server = spawn(process.execPath, [join(here, "../dev/mock.mjs"), "--port", port], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((ready) => server.stdout.once("data", ready));
  url = `http://127.0.0.1:${port}`;
}
const specs = readdirSync(here)
  .filter((f) => f.endsWith(".spec.mjs") && (only.length === 0 || only.some((o) => f.includes(o))))
  .map((f) => join(here, f));
const tests = spawn(process.execPath, ["--test", "--test-concurrency=1", "--test-reporter=spec", ...specs], {
  stdio: ["inherit", "pipe", "inherit"],
  env: { ...process.env, PULSE_URL: url, PULSE_MOCK: server ? "1" : "" },
});
let output = "";
tests.stdout.on("data", (data) => {
  output += data;
  process.stdout.write(data);
});
const total = (what) => output.match(new RegExp(`^(?:\\x1b\\[\\d+m)?ℹ ${what} (\\d+)`, "m"))?.[1] ?? "0";
tests.on("close", (code) => {
  server?.kill();
  console.log(`${total("pass")} passed, ${total("fail")} failed`);
  process.exit(code ?? 1);
});
