// Login, session, first run. Checklist rows 1, 2, 4, 9 to 15, 17.
import assert from "node:assert/strict";
import { check, eventually, mock, params, SETUP_TOKEN, signIn } from "./helper.mjs";

const TARGET = "/proxmox/overview?q=tag%3Aprod";

check("the login keeps the deep link (1, 2)", { path: TARGET, login: false }, async (page) => {
  await page.getByLabel("User name").waitFor();
  assert.equal(
    await page.getByLabel("Password", { exact: true }).getAttribute("autocomplete"),
    "current-password",
  );
  await signIn(page);
  await page.locator(".hdr").waitFor();
  assert.equal(params(page).get("q"), "tag:prod");
});

check("a password manager's silent fill works (2)", { login: false }, async (page) => {
  await page.getByLabel("User name").waitFor();
  await page.evaluate(() => {
    document.querySelector('input[name="username"]').value = "admin";
    document.querySelector('input[name="password"]').value = "correct horse battery";
  });
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator(".hdr").waitFor();
});

check("wrong passwords count down to the lock (4)", { login: false }, async (page) => {
  await signIn(page, "admin", "no");
  await page.getByRole("alert").getByText("4 attempts left").waitFor();
  for (let i = 0; i < 4; i += 1) await signIn(page, "admin", "no");
  await page.getByRole("alert").getByText("locked for 15 minutes").waitFor();
  await signIn(page, "admin", "no");
  await page.getByRole("alert").getByText("14 more minutes").waitFor();
});

check("logging out keeps preferences (9, 29)", {}, async (page) => {
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("button", { name: "Light" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You are signed out.").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  await page.reload();
  await page.getByLabel("User name").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
});

check("an expired session asks again and keeps the URL (10)", { path: TARGET }, async (page) => {
  await page.locator('tr[data-row="guest"]').first().waitFor();
  await mock({ expire: true });
  await page.getByText("Your session has ended").waitFor();
  assert.equal(params(page).get("q"), "tag:prod");
  await signIn(page);
  await page.locator('tr[data-row="guest"]').first().waitFor();
});

const first = { world: { setup: true, guests: 0 }, login: false };

async function unlock(page) {
  await page.getByLabel("Set-up token").fill(SETUP_TOKEN);
  await page.getByRole("button", { name: "Unlock" }).click();
  await page.getByRole("heading", { name: "Make the first account" }).waitFor();
}
async function account(page) {
  await page.getByLabel(/I have stored this password/).check();
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Connect a first source" }).waitFor();
}

check("set-up is unlocked with the token of this deployment (11)", first, async (page) => {
  await page.getByText("pct exec 117 -- cat /etc/pulse/.bootstrap_token").waitFor();
  await page.getByLabel("Set-up token").fill("nonsense");
  await page.getByRole("button", { name: "Unlock" }).click();
  await page.getByText("not the one in the file").waitFor();
  await unlock(page);
});

check("the first account: generated or own, with a visible minimum (12, 13)", first, async (page) => {
  await unlock(page);
  const generated = await page.getByLabel("Password", { exact: true }).inputValue();
  assert.ok(generated.length >= 12);
  await page.getByRole("button", { name: "Another" }).click();
  assert.notEqual(await page.getByLabel("Password", { exact: true }).inputValue(), generated);
  await page.getByRole("button", { name: "Copy" }).click();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    await page.getByLabel("Password", { exact: true }).inputValue(),
  );
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download as a text file" }).click(),
  ]);
  assert.equal(file.suggestedFilename(), "pulse-credentials.txt");
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByText("At least 12 are needed").waitFor();
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("alert").getByText("at least 12 characters").waitFor();
});

check("connect a node and see it arrive (14)", first, async (page) => {
  await unlock(page);
  await account(page);
  await page.getByLabel("Address").fill("https://pve1.lan:8006");
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "pve1");
  await page.getByLabel("Token ID").fill("pulse@pve!monitor");
  await page.getByLabel("Token secret").fill("secret");
  await page.getByRole("button", { name: "Test and connect" }).click();
  await page.getByRole("heading", { name: "Data is arriving" }).waitFor();
  await page.locator(".arr li", { hasText: "pve1" }).waitFor();
  await page.getByRole("button", { name: "Open Pulse" }).click();
  await page.locator('tr[data-row="node"]').first().waitFor();
});

check("an agent's command is made and copied (14, 155)", first, async (page) => {
  await unlock(page);
  await account(page);
  await page.getByText("A machine").click();
  await page.getByRole("button", { name: "Make the command" }).click();
  const linux = await page.locator(".code code").first().textContent();
  assert.match(linux, /install\.sh \| sh -s -- --url http\S+ --token [0-9a-f]{64}$/);
  await page.getByLabel("Accept any certificate").check();
  assert.match(await page.locator(".code code").first().textContent(), /--insecure$/);
  await page.getByRole("button", { name: "I have run it" }).click();
  await page.getByRole("heading", { name: "Waiting for the first data" }).waitFor();
});

check("demo data, and skipping (15)", first, async (page) => {
  await unlock(page);
  await account(page);
  await page.getByRole("button", { name: "Skip for now" }).click();
  await page.getByRole("heading", { name: "Connect something to watch" }).waitFor();
  await page.getByRole("link", { name: "Connect Proxmox" }).click();
  await page.getByRole("dialog", { name: "Add a node" }).waitFor();
});

check("the server away is said, with a way to try again", { login: false }, async (page) => {
  await page.route("**/api/security/status", (route) => route.abort());
  await page.reload();
  await page.getByRole("heading", { name: "Pulse does not answer" }).waitFor();
  await page.unroute("**/api/security/status");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByLabel("User name").waitFor();
});

check(
  "a password is changed after the current one is proven (166)",
  { path: "/settings/session" },
  async (page) => {
    await page.getByLabel("Current password").fill("wrong");
    await page.getByLabel("New password").fill("another long password");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("alert").getByText("Current password is incorrect").waitFor();
    await page.getByLabel("Current password").fill("correct horse battery");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("Password changed").waitFor();
    await eventually(() => page.getByLabel("New password").inputValue(), "");
  },
);
