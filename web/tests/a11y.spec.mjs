// axe-core on every page, in both themes. Checklist rows 17, 192.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { check, guests, SETUP_TOKEN } from "./helper.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function clean(page) {
  // Injected through the debugger, because the page's policy forbids inline scripts.
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
  );
  assert.deepEqual(
    result.violations.map(
      (v) =>
        `${v.id}: ${v.nodes
          .slice(0, 3)
          .map((n) => `${n.target} ${n.any[0]?.message ?? ""}`)
          .join(" | ")}`,
    ),
    [],
  );
}

for (const theme of ["dark", "light"]) {
  check(`overview, ${theme}`, { theme }, async (page) => {
    await guests(page).first().waitFor();
    await clean(page);
  });
  check(`details, ${theme}`, { theme }, async (page) => {
    await guests(page).first().click();
    await page.locator(".chart canvas").first().waitFor();
    await clean(page);
  });
  check(`hosts, ${theme}`, { theme, path: "/hosts" }, async (page) => {
    await page.locator('tr[data-row="host"]').first().click();
    await page.locator(".chart canvas").first().waitFor();
    await clean(page);
  });
  for (const [path, kind] of [
    ["storage", "storage"],
    ["storage/disks", "disk"],
    ["storage/zfs", "zfs"],
    ["backups", "guest"],
    ["backups/all", "backup"],
    ["cluster", "member"],
    ["cluster/ha", "service"],
    ["tasks", "task"],
    ["replication", "job"],
    ["ceph", "osd"],
  ])
    check(`${path}, with details, ${theme}`, { theme, path: `/proxmox/${path}` }, async (page) => {
      await page.locator(`tr[data-row="${kind}"]`).first().click();
      await page.locator("aside.drawer .facts").first().waitFor();
      await clean(page);
    });
  check(`mail, ${theme}`, { theme, path: "/proxmox/mail" }, async (page) => {
    await page.locator(".mail-gw").first().waitFor();
    await clean(page);
  });
  check(`login, ${theme}`, { theme, login: false }, async (page) => {
    await page.getByLabel("User name").waitFor();
    await clean(page);
  });
  for (const path of ["proxmox", "tokens", "system", "diagnostics", "appearance", "session"])
    check(`settings, ${path}, ${theme}`, { theme, path: `/settings/${path}` }, async (page) => {
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(300);
      await clean(page);
    });
  check(`add a node, ${theme}`, { theme, path: "/settings/proxmox?add=pve" }, async (page) => {
    await page.getByRole("dialog", { name: "Add a node" }).waitFor();
    await page.waitForTimeout(300);
    await clean(page);
  });
}
check("wizard", { theme: "light", login: false, world: { setup: true, guests: 0 } }, async (page) => {
  await page.getByLabel("Set-up token").waitFor();
  await clean(page);
  await page.getByLabel("Set-up token").fill(SETUP_TOKEN);
  await page.getByRole("button", { name: "Unlock" }).click();
  await page.getByRole("heading", { name: "Make the first account" }).waitFor();
  await clean(page);
  await page.getByLabel(/I have stored/).check();
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Connect a first source" }).waitFor();
  await clean(page);
});
check("phone", { size: "phone", path: "/proxmox/guests" }, async (page) => {
  await page.locator(".gc").first().waitFor();
  await clean(page);
});
check(
  "with the keyboard only: header, user menu, dialog focus (17)",
  { path: "/settings/tokens" },
  async (page) => {
    const active = () =>
      page.evaluate(
        () =>
          document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute("aria-label"),
      );
    await page.locator('tr[data-row="token"]').first().waitFor();
    await page.getByRole("button", { name: "New token" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press("Tab");
      const inside = await page.evaluate(
        () =>
          !document.activeElement ||
          document.activeElement === document.body ||
          Boolean(document.activeElement.closest("dialog")),
      );
      assert.ok(inside, `focus left the dialog for ${await active()}`);
    }
    await page.keyboard.press("Escape");
    assert.equal(await active(), "New token");
    await page.getByRole("button", { name: /^Account/ }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    assert.match(await active(), /Light|Dark|As the system/);
    await page.keyboard.press("Escape");
    assert.match(await active(), /A|Account/);
  },
);
