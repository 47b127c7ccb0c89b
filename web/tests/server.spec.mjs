// The real server, from first run to log-out. PULSE_BIN names the folder of the `pulse` binary; without it the
// test is skipped. What it shares with the mock is the proof that the mock tells the truth.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { eventually, filter, guests, open, params } from "./helper.mjs";

const binary = join(process.env.PULSE_BIN ?? "/nonexistent", "pulse");
const port = process.env.PULSE_TEST_PORT ?? "7693";
const base = `http://127.0.0.1:${port}`;

test("first run, demo data, overview, details, tokens, log-out", { skip: !existsSync(binary) }, async (t) => {
  const data = mkdtempSync(join(tmpdir(), "pulse-web-"));
  const server = spawn(binary, ["--demo"], {
    env: { ...process.env, PULSE_DATA_DIR: data, FRONTEND_PORT: port, BIND_ADDRESS: "127.0.0.1" },
    stdio: "ignore",
  });
  after(() => {
    server.kill();
    rmSync(data, { recursive: true, force: true });
  });
  await eventually(
    () =>
      fetch(`${base}/api/health`).then(
        (r) => r.status,
        () => 0,
      ),
    200,
    "the server does not answer",
  );
  const token = readFileSync(join(data, ".bootstrap_token"), "utf8").trim();

  const page = await open("/", { login: false, origin: base });
  await t.test("set-up", async () => {
    await page.getByLabel("Set-up token").fill("0".repeat(48));
    await page.getByRole("button", { name: "Unlock" }).click();
    await page.locator(".help[data-error]").waitFor();
    await page.getByLabel("Set-up token").fill(token);
    await page.getByRole("button", { name: "Unlock" }).click();
    await page.getByRole("heading", { name: "Make the first account" }).waitFor();
  });
  const password = await page.getByLabel("Password", { exact: true }).inputValue();
  await t.test("account, demo data, arrival", async () => {
    await page.getByLabel(/I have stored/).check();
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByText("Demo data").click();
    await page.getByRole("button", { name: "Use demo data" }).click();
    await page.getByRole("heading", { name: "Data is arriving" }).waitFor();
    await page.getByRole("button", { name: "Open Pulse" }).click();
    await guests(page).first().waitFor();
  });
  await t.test("live updates, filter, history", async () => {
    const values = () => guests(page).locator('td[data-tip="cpu"] .v').allTextContents();
    const before = JSON.stringify(await values());
    let changed = false;
    for (let i = 0; i < 40 && !changed; i += 1) {
      await page.waitForTimeout(500);
      changed = JSON.stringify(await values()) !== before;
    }
    assert.ok(changed, "no value changed in 20 s");
    await filter(page).fill("tag:prod cpu<101");
    await page.getByText(/^\d+ of \d+ guests$/).waitFor();
    await guests(page).first().click();
    await page.locator(".chart canvas").first().waitFor();
    assert.match(params(page).get("open"), /^guest:/);
    await page.keyboard.press("Escape");
    await page.keyboard.press("t");
    await page.waitForResponse((r) => r.url().includes("/api/charts") && r.ok());
    await page.getByRole("link", { name: "Hosts" }).click();
    await page.locator('tr[data-row="host"]').first().click();
    await page.locator("aside.drawer").getByText("Machine").waitFor();
  });
  await t.test("storage, disks, ZFS, clusters, tasks, replication", async () => {
    for (const [path, kind] of [
      ["storage", "storage"],
      ["storage/disks", "disk"],
      ["storage/zfs", "zfs"],
      ["cluster", "member"],
      ["tasks", "task"],
      ["replication", "job"],
    ]) {
      await page.goto(`${base}/proxmox/${path}`);
      // The demo's collectors ask for some of this only after a while.
      await page.locator(`tr[data-row="${kind}"]`).first().waitFor({ timeout: 60_000 });
      await page.locator(`tr[data-row="${kind}"]`).first().click();
      await page.locator("aside.drawer .facts").first().waitFor();
    }
    await page.goto(`${base}/proxmox/ceph`);
    await page.locator('.empty h2, tr[data-row="osd"]').first().waitFor();
  });
  await t.test("tokens", async () => {
    await page.goto(`${base}/settings/tokens`);
    await page.getByRole("button", { name: "New token" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("homepage");
    await page.getByRole("dialog").getByRole("button", { name: "Create token" }).click();
    const secret = await page.getByRole("dialog").locator(".code code").textContent();
    await page.getByLabel("I have stored it").check();
    await page.getByRole("button", { name: "Done" }).click();
    assert.equal((await fetch(`${base}/api/state`, { headers: { "X-API-Token": secret } })).status, 200);
    await page.getByRole("button", { name: "Revoke homepage" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke", exact: true }).click();
    await page.getByText("Token homepage revoked").waitFor();
    assert.equal((await fetch(`${base}/api/state`, { headers: { "X-API-Token": secret } })).status, 401);
  });
  await t.test("a node that does not answer is refused in words", async () => {
    await page.goto(`${base}/settings/proxmox?add=pve`);
    const dialog = page.getByRole("dialog", { name: "Add a node" });
    await dialog.getByLabel("Address").fill("https://127.0.0.1:1");
    await dialog.getByLabel("Token ID").fill("pulse@pve!monitor");
    await dialog.getByLabel("Token secret").fill("secret");
    await dialog.getByRole("button", { name: "Test connection" }).click();
    await dialog.getByText("No connection").waitFor({ timeout: 20_000 });
    await page.keyboard.press("Escape");
  });
  await t.test("log out and in again", async () => {
    await page.getByRole("button", { name: /^Account/ }).click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.locator(".hdr").waitFor();
  });
  assert.deepEqual(page.errors, []);
});
