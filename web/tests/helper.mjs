// One browser for a file of tests, a fresh context for each, and words for what the tests do again and again.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { chromium } from "playwright-core";

export const url = process.env.PULSE_URL ?? "http://127.0.0.1:7688";
export const mocked = process.env.PULSE_MOCK === "1";
export const USER = process.env.PULSE_USER ?? "admin";
export const PASSWORD = process.env.PULSE_PASSWORD ?? "correct horse battery";
export const SETUP_TOKEN = "a".repeat(48);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
after(() => browser.close());

/** Talks to the mock server: reset, change the world, send an update. */
export async function mock(body) {
  const answer = await fetch(`${url}/__mock`, { method: "POST", body: JSON.stringify(body) });
  return answer.json();
}

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

export async function open(
  path = "/",
  { size = "desktop", theme = "dark", login = true, storage, origin = url } = {},
) {
  const phone = size === "phone";
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    hasTouch: phone,
    isMobile: phone,
    permissions: ["clipboard-read", "clipboard-write"],
    ...(storage ? { storageState: storage } : {}),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(8_000);
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) page.errors.push(message.text());
  });
  await page.goto(origin + path);
  if (login) {
    await signIn(page);
    await page.locator(".hdr").waitFor();
  }
  return page;
}

export async function signIn(page, user = USER, password = PASSWORD) {
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** A test of its own world and page; fails when the page threw or broke the content security policy. */
export function check(name, options, run) {
  const { world = {}, path = "/", ...rest } = options;
  test(name, async (t) => {
    if (!mocked && options.mockOnly !== false) {
      t.skip("needs the mock server");
      return;
    }
    if (mocked) await mock({ reset: world });
    const page = await open(path, rest);
    try {
      await run(page, t);
      assert.deepEqual(page.errors, []);
    } finally {
      await page.context().close();
    }
  });
}

export const guests = (page) => page.locator('tr[data-row="guest"]');
export const names = async (rows) => (await rows.locator(".nm").allTextContents()).map((text) => text.trim());
export const filter = (page) => page.getByRole("combobox", { name: "Filter guests" });
export const params = (page) => new URL(page.url()).searchParams;

/** Waits until `read` gives what is wanted; says what it gave instead. */
export async function eventually(read, wanted, message) {
  let last;
  for (let i = 0; i < 60; i += 1) {
    last = await read();
    if (typeof wanted === "function" ? wanted(last) : JSON.stringify(last) === JSON.stringify(wanted))
      return last;
    await new Promise((r) => setTimeout(r, 100));
  }
  assert.fail(`${message ?? "never"}: ${JSON.stringify(last)}`);
}
