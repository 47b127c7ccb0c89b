// Hosts, Proxmox connections, API tokens. Checklist rows 27, 109 to 112, 148 to 153, 155, 160, 161.
import assert from "node:assert/strict";
import { check, eventually, mock, names, params } from "./helper.mjs";

const hosts = (page) => page.locator('tr[data-row="host"]');

check(
  "hosts: state, figures, sort by fullest disk, details (109 to 112)",
  { path: "/hosts" },
  async (page) => {
    await hosts(page).first().waitFor();
    assert.equal((await names(hosts(page)))[0], "nas-01", "the one with a problem first");
    await page.getByRole("columnheader", { name: "Fullest disk" }).getByRole("button").click();
    assert.equal((await names(hosts(page)))[0], "nas-01");
    assert.equal(params(page).get("sort"), "-disk");
    await hosts(page).first().click();
    const drawer = page.locator("aside.drawer");
    for (const text of [
      "coretemp package id 0",
      "820 rpm",
      "standby",
      "/dev/md0",
      "raid1, clean",
      "/tank",
      "192.168.1.20",
    ])
      await drawer.getByText(text).first().waitFor();
    await page.keyboard.press("j");
    await eventually(
      () => drawer.getByRole("heading", { level: 2 }).first().textContent(),
      (t) => t !== "nas-01",
    );
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    await page.getByLabel("Filter hosts").fill("macos");
    await eventually(() => hosts(page).count(), 1);
    await page.getByLabel("Filter hosts").fill("zzz");
    await page.getByRole("heading", { name: "No host matches" }).waitFor();
  },
);

check(
  "hosts: none yet leads to the install command (155)",
  { path: "/hosts", world: { guests: 0 } },
  async (page) => {
    await page.getByRole("heading", { name: "No host reports yet" }).waitFor();
    await page.getByRole("button", { name: "Install an agent" }).click();
    await page.getByRole("button", { name: "Make the command" }).click();
    await page.locator(".code", { hasText: "install.sh" }).waitFor();
    const { tokens } = await mock({});
    assert.deepEqual(tokens[0].scopes, ["host-agent:report"]);
  },
);

const row = (page, name) => page.locator(`tr[data-row="config"]`, { hasText: name });

check(
  "connections with state and reason, members, test (148, 153)",
  { path: "/settings/proxmox" },
  async (page) => {
    await row(page, "fra-1").locator("td", { hasText: "1 of 4 members do not answer" }).last().waitFor();
    await page.getByText("connection timed out").waitFor();
    await page.locator(".reason", { hasText: /certificate fingerprint changed from/ }).waitFor();
    await row(page, "pbs1").getByRole("button", { name: "Test pbs1" }).click();
    await row(page, "pbs1").locator("td", { hasText: "Test passed" }).last().waitFor();
    await row(page, "fra-1").getByRole("button", { name: "More for fra-1" }).click();
    await page.getByRole("button", { name: "Look for new members" }).click();
    await page.getByText("fra-1: 4 members").waitFor();
  },
);

check("add a node: errors, refusal, test, save (148)", { path: "/settings/proxmox" }, async (page) => {
  await page.getByRole("button", { name: "Add node" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a node" });
  await dialog.getByRole("button", { name: "Add node" }).click();
  await dialog.getByText("The address is missing.").waitFor();
  assert.equal(await dialog.getByLabel("Address").getAttribute("aria-invalid"), "true");
  await dialog.getByLabel("Address").fill("https://bad.lan:8006");
  await dialog.getByLabel("Token ID").fill("nonsense");
  await dialog.getByLabel("Token secret").fill("secret");
  await dialog.getByRole("button", { name: "Test connection" }).click();
  await dialog.getByText("user@realm!token").waitFor();
  await dialog.getByLabel("Token ID").fill("pulse@pve!monitor");
  await dialog.getByRole("button", { name: "Test connection" }).click();
  await dialog.getByText("No connection").waitFor();
  await dialog.getByText("41:7E:A0:C3:19:E8").waitFor();
  await dialog.getByLabel("Address").fill("https://pve7.lan:8006");
  await dialog.getByRole("button", { name: "Test connection" }).click();
  await dialog.getByText("Cluster fra-2 found").waitFor();
  await dialog.getByText("Usable, with 1 gap").waitFor();
  await dialog.getByRole("button", { name: "Trust only this one" }).click();
  await eventually(
    () => dialog.getByLabel("Certificate fingerprint").inputValue(),
    (v) => v.startsWith("9F:2C"),
  );
  await dialog.getByRole("button", { name: "Add node" }).click();
  await page.getByText("pve7 added").waitFor();
  await row(page, "pve7").waitFor();
});

check(
  "the address that exists is refused in words (148)",
  { path: "/settings/proxmox?add=pve" },
  async (page) => {
    const dialog = page.getByRole("dialog", { name: "Add a node" });
    await dialog.getByLabel("Address").fill("https://pve1.lan:8006");
    await dialog.getByLabel("Token ID").fill("pulse@pve!monitor");
    await dialog.getByLabel("Token secret").fill("secret");
    await dialog.getByRole("button", { name: "Add node" }).click();
    await dialog.getByRole("alert").getByText("already exists").waitFor();
  },
);

check("the steps by hand (150)", { path: "/settings/proxmox?add=pve" }, async (page) => {
  const dialog = page.getByRole("dialog", { name: "Add a node" });
  await dialog.getByText("Make a token by hand").click();
  await dialog.getByText("pveum user token add").waitFor();
});

check(
  "edit without the secret; remove after reading what happens (151, 152)",
  { path: "/settings/proxmox" },
  async (page) => {
    await row(page, "fra-1").getByRole("button", { name: "Edit fra-1" }).click();
    const dialog = page.getByRole("dialog", { name: "Edit fra-1" });
    const secret = dialog.getByLabel("Token secret");
    assert.equal(await secret.inputValue(), "");
    assert.equal(await secret.getAttribute("placeholder"), "set; blank keeps it");
    await dialog.getByLabel("Name", { exact: true }).fill("frankfurt");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row(page, "frankfurt").waitFor();
    const { nodes } = await mock({});
    assert.equal(nodes[0].hasToken, true);
    await row(page, "frankfurt").getByRole("button", { name: "More for frankfurt" }).click();
    await page.getByRole("button", { name: "Remove…" }).click();
    const sure = page.getByRole("dialog", { name: "Remove frankfurt?" });
    await sure.getByText("open alerts close").waitFor();
    await sure.getByRole("button", { name: "Keep it" }).click();
    await row(page, "frankfurt").waitFor();
    await row(page, "frankfurt").getByRole("button", { name: "More for frankfurt" }).click();
    await page.getByRole("button", { name: "Remove…" }).click();
    await sure.getByRole("button", { name: "Remove frankfurt" }).click();
    await row(page, "frankfurt").waitFor({ state: "detached" });
  },
);

check(
  "tokens: least privilege, shown once, where used, revoked (160, 161)",
  { path: "/settings/tokens" },
  async (page) => {
    await page.getByText("full access").first().waitFor();
    await page.getByRole("button", { name: "New token" }).click();
    const dialog = page.getByRole("dialog");
    assert.equal(
      await dialog.getByRole("button", { name: "Dashboard" }).getAttribute("aria-pressed"),
      "true",
    );
    await dialog.getByLabel("Name").fill("homepage");
    await dialog.getByRole("button", { name: "Automation" }).click();
    assert.equal(await dialog.getByLabel("monitoring:write").isChecked(), true);
    await dialog.getByLabel("Expires on").fill("2030-01-01");
    await dialog.getByRole("button", { name: "Create token" }).click();
    const secret = await dialog.locator(".code code").textContent();
    assert.equal(secret.length, 64);
    await page.keyboard.press("Escape");
    await dialog.getByText("only time the token is shown").waitFor();
    await dialog.getByRole("button", { name: "Copy" }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
    await dialog.getByLabel("I have stored it").check();
    await dialog.getByRole("button", { name: "Done" }).click();
    await page
      .locator('tr[data-row="token"]', { hasText: "homepage" })
      .getByText("until 2030-01-01")
      .waitFor();
    assert.equal((await page.content()).includes(secret), false);
    await page.getByRole("button", { name: "Revoke nas-01 agent" }).click();
    await page.getByRole("dialog").getByText("1 host will fall silent: nas-01").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke", exact: true }).click();
    await page.locator('tr[data-row="token"]', { hasText: "nas-01 agent" }).waitFor({ state: "detached" });
  },
);

check("a stale CSRF token is replaced without a word", { path: "/settings/tokens" }, async (page) => {
  await page.locator('tr[data-row="token"]').first().waitFor();
  await mock({ set: { csrf: "csrf-2" } });
  await page.getByRole("button", { name: "Revoke Primary token" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByText("Token Primary token revoked").waitFor();
});

check("errors of the lists are said, with a way to try again", { path: "/settings/tokens" }, async (page) => {
  await mock({
    set: {
      apiError: { path: "/api/config/nodes", status: 500, body: "the configuration could not be decrypted" },
    },
  });
  await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "Proxmox" }).click();
  await page.getByText("the configuration could not be decrypted").waitFor();
  await mock({ set: { apiError: null } });
  await page.getByRole("button", { name: "Try again" }).click();
  await row(page, "fra-1").waitFor();
});

check("demo data is switched on and off, with its loss said", { path: "/settings/proxmox" }, async (page) => {
  await page.getByRole("button", { name: "Turn on", exact: true }).click();
  await page.getByRole("heading", { name: "Demo data is on" }).waitFor();
  await page.getByRole("button", { name: "Turn off…" }).click();
  const dialog = page.getByRole("dialog", { name: "Turn demo data off?" });
  await dialog.getByText("removes all demo data and its history").waitFor();
  await dialog.getByRole("button", { name: "Remove demo data" }).click();
  await page.getByRole("heading", { name: "Demo data is off" }).waitFor();
});
