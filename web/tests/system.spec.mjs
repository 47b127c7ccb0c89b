// Settings of the server, discovery, push, diagnostics. Checklist rows 137, 138, 149, 152, 154, 162, 163, 170, 191.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { check, eventually, mock } from "./helper.mjs";

check(
  "system settings: only what changed is sent, with bounds (162, 163)",
  { path: "/settings/system" },
  async (page) => {
    const pbs = page.getByLabel("Backup Server");
    await pbs.waitFor();
    assert.ok(await page.getByLabel("Virtual Environment").isDisabled());
    await page.getByText("Held by PVE_POLLING_INTERVAL").waitFor();
    await pbs.fill("5");
    await page.getByText("Between 10 and 3600 s.").waitFor();
    assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled());
    await pbs.fill("120");
    await page.getByLabel("Networks", { exact: true }).fill("10.0.0.0/33");
    await page.getByText("10.0.0.0/33 is not a network").waitFor();
    await page.getByLabel("Networks", { exact: true }).fill("192.168.20.0/24");
    await page.getByText("2 changes not saved").waitFor();
    const sent = page.waitForRequest((r) => r.url().endsWith("/system/settings/update"));
    await page.getByRole("button", { name: "Save" }).click();
    assert.deepEqual((await sent).postDataJSON(), {
      pbsPollingInterval: 120,
      discoverySubnet: "192.168.20.0/24",
    });
    await page.getByText("2 settings saved").waitFor();
    await page.getByText("not saved").waitFor({ state: "detached" });
    assert.equal(await pbs.inputValue(), "120");
  },
);

check(
  "unsaved settings: a warning before leaving, and discard (137, 138)",
  { path: "/settings/system" },
  async (page) => {
    const pbs = page.getByLabel("Backup Server");
    await pbs.fill("90");
    await page.getByRole("link", { name: "API tokens" }).click();
    const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
    await dialog.getByRole("button", { name: "Stay" }).click();
    assert.equal(await pbs.inputValue(), "90");
    await page.getByRole("button", { name: "Discard" }).click();
    assert.equal(await pbs.inputValue(), "60");
    await pbs.fill("90");
    await page.getByRole("link", { name: "API tokens" }).click();
    await dialog.getByRole("button", { name: "Leave" }).click();
    await page.getByRole("heading", { name: "API tokens" }).waitFor();
  },
);

check(
  "settings that the server refuses say so and stay typed",
  {
    path: "/settings/system",
    world: { apiError: { path: "/settings/update", status: 400, body: "connectionTimeout is out of range" } },
  },
  async (page) => {
    await page.getByLabel("Give up after").fill("30");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Nothing was saved: connectionTimeout is out of range").waitFor();
    assert.equal(await page.getByLabel("Give up after").inputValue(), "30");
  },
);

check(
  "one command makes the account and registers the node (149)",
  { path: "/settings/proxmox?add=pve" },
  async (page) => {
    const dialog = page.getByRole("dialog", { name: "Add a node" });
    await dialog.getByRole("button", { name: "One command" }).click();
    await dialog.getByLabel("Address of the node").fill("https://pve9.lan:8006");
    await dialog.getByRole("button", { name: "Make the command" }).click();
    await dialog.locator(".code", { hasText: "setup-script" }).waitFor();
    await dialog.getByText(/Works once, for/).waitFor();
    await mock({ event: { name: "node_auto_registered", data: { name: "pve9" } } });
    await dialog.waitFor({ state: "detached" });
    await page.getByText("pve9 registered itself").waitFor();
  },
);

check(
  "a mail gateway is added with what is read of it (148)",
  { path: "/settings/proxmox?add=pmg" },
  async (page) => {
    const dialog = page.getByRole("dialog", { name: "Add a node" });
    await dialog.getByLabel("Address").fill("https://mx1.lan:8006");
    await dialog.getByLabel("User").fill("pulse@pmg");
    await dialog.getByLabel("Password", { exact: true }).fill("secret secret");
    await dialog.getByLabel("Domains").check();
    const sent = page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/api/config/nodes"));
    await dialog.getByRole("button", { name: "Add node" }).click();
    const body = (await sent).postDataJSON();
    assert.deepEqual(
      [body.type, body.monitorMailStats, body.monitorQueues, body.monitorQuarantine, body.monitorDomainStats],
      ["pmg", true, true, true, true],
    );
  },
);

check(
  "servers on the network are found and added by clicking (154)",
  { path: "/settings/proxmox" },
  async (page) => {
    await page.getByText("Not looked yet").waitFor();
    await page.getByLabel("Network", { exact: true }).fill("nonsense");
    await page.getByText("auto, or a network such as").waitFor();
    await page.getByLabel("Network", { exact: true }).fill("192.168.20.0/24");
    await page.getByRole("button", { name: "Look now" }).click();
    await page.getByRole("button", { name: "Add pbs-attic.lan" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a node" });
    assert.equal(await dialog.getByLabel("Address").inputValue(), "https://pbs-attic.lan:8007");
    assert.equal(await dialog.getByLabel("Name").inputValue(), "pbs-attic");
    assert.equal(await dialog.getByRole("button", { name: "PBS" }).getAttribute("aria-pressed"), "true");
  },
);

check("what to paste so that Proxmox pushes", { path: "/settings/proxmox" }, async (page) => {
  await page.getByRole("button", { name: "Show the lines to paste" }).click();
  await page.getByRole("heading", { name: /^Metric server/ }).waitFor();
  await page.locator(".code", { hasText: "pvesh create /cluster/metrics/server" }).waitFor();
});

check("removing says what happens with the history (152)", { path: "/settings/proxmox" }, async (page) => {
  await page.getByRole("button", { name: "More for pbs1" }).click();
  await page.getByRole("button", { name: "Remove…" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove pbs1?" });
  await dialog.getByText("What was measured stays").waitFor();
  await dialog.getByText("Its datastores and backups leave the lists").waitFor();
});

check(
  "nothing connected has one way forward",
  { path: "/settings/proxmox", world: { nodes: [] } },
  async (page) => {
    await page.getByRole("button", { name: "Add the first node" }).waitFor();
    assert.equal(await page.locator('.btn[data-kind="primary"]').count(), 1);
  },
);

check(
  "diagnostics: connections, gaps, sources, redacted export (170)",
  { path: "/settings/diagnostics" },
  async (page) => {
    const rows = page.locator('tr[data-row="poll"]');
    await rows.first().waitFor();
    await eventually(
      () => rows.first().textContent(),
      (t) => t.includes("pbs2"),
      "the failing one first",
    );
    await page
      .locator("td.reason", { hasText: "Given up for now: pbs2.lan:8007: connection timed out" })
      .waitFor();
    await page.getByText("Sys.Modify").first().waitFor();
    await page.getByRole("heading", { name: "Where memory values come from" }).waitFor();
    const wait = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export redacted" }).click();
    const file = await wait;
    const text = await readFile(await file.path(), "utf8");
    assert.match(file.suggestedFilename(), /redacted\.json$/);
    assert.ok(!/10\.20\.0\.2|pbs2\.lan|3f9a…b2d4/.test(text), "no address, no hint of a token");
    assert.equal(JSON.parse(text).report.version, "6.0.0");
  },
);

check(
  "phone: system and diagnostics fit (191)",
  { path: "/settings/system", size: "phone" },
  async (page) => {
    const flat = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    await page.getByLabel("Backup Server").waitFor();
    assert.ok(await flat());
    await page.getByRole("link", { name: "Diagnostics" }).click();
    await page.locator('tr[data-row="poll"]').first().waitFor();
    assert.ok(await flat());
  },
);
