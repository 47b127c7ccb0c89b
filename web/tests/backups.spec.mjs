// Backups, coverage, mail. Checklist rows 79 to 90 (81 to 89 here), 64, 65, 191.
import assert from "node:assert/strict";
import { check, eventually, mock, names, params } from "./helper.mjs";

const backups = (page) => page.locator('tr[data-row="backup"]');
const guests = (page) => page.locator('tr[data-row="guest"]');
const filter = (page) => page.getByRole("combobox", { name: "Filter backups" });
const ALL = { path: "/proxmox/backups/all" };

check("backups of all sources in one list, with the guest's own name (81, 85)", ALL, async (page) => {
  await backups(page).first().waitFor();
  for (const [chip, word] of [
    [/^PBS/, "PBS"],
    [/^Storage/, "Storage"],
    [/^Snapshots/, "Snapshot"],
  ]) {
    await page.getByRole("button", { name: chip }).click();
    await eventually(
      () => backups(page).first().textContent(),
      (t) => t.includes(word),
      word,
    );
    await page.getByRole("button", { name: chip }).click();
  }
  await filter(page).fill("source:mail");
  await eventually(() => backups(page).count(), 4, "backups of the mail gateway");
  await filter(page).fill("id:104 source:pbs");
  await eventually(
    () => names(backups(page)),
    (list) => list.length > 5 && new Set(list).size === 1,
  );
  const [name] = await names(backups(page));
  assert.match(name, /^[a-z0-9-]+-\d\d$/, "the guest's name, not a comment");
  await filter(page).fill("encrypted:yes verified:ok");
  await backups(page).first().getByText("encrypted").waitFor({ state: "attached" });
  await backups(page).first().click();
  const drawer = page.locator("aside.drawer");
  await drawer.getByText("passed").waitFor();
  await drawer.getByText("yes", { exact: true }).first().waitFor();
  await drawer.getByText("name and cluster of its comment match").waitFor();
});

check("filters by source, type, verification, protection and text (82, 89)", ALL, async (page) => {
  await backups(page).first().waitFor();
  const total = async () => (await page.locator(".ftr").textContent()).match(/(\d+) of/)?.[1];
  await page.getByRole("button", { name: /^CT/ }).click();
  assert.equal(params(page).get("type"), "ct");
  await eventually(
    () => backups(page).allTextContents(),
    (l) => l.length > 0 && l.every((t) => t.includes("CT")),
  );
  await page.getByRole("button", { name: /^Not verified/ }).click();
  await eventually(
    () => backups(page).allTextContents(),
    (l) => l.every((t) => t.includes("not yet")),
  );
  await page.getByRole("button", { name: "Reset" }).click();
  await filter(page).fill("server:pbs2");
  await eventually(
    () => backups(page).allTextContents(),
    (l) => l.length > 0 && l.every((t) => t.includes("pbs2")),
  );
  await filter(page).fill("protected:yes");
  await eventually(total, (n) => Number(n) > 0 && Number(n) < 40);
  await filter(page).fill("size>abc");
  await page.locator(".query-help", { hasText: "size needs a number" }).waitFor();
});

check("a backup that is nobody's says why (81)", ALL, async (page) => {
  await backups(page).first().waitFor();
  await page.getByRole("button", { name: /^Unattributed/ }).click();
  await eventually(() => backups(page).count(), 6);
  await filter(page).fill("belongs:ambiguous");
  await eventually(() => backups(page).count(), 3);
  await backups(page).first().click();
  await page.locator("aside.drawer").locator(".note", { hasText: "101 exists in fra-1 and lab" }).waitFor();
});

check("grouped by date or by guest (83)", ALL, async (page) => {
  await backups(page).first().waitFor();
  const heads = page.locator("tr.group strong");
  await eventually(() => heads.first().textContent(), "Today");
  await page.getByRole("button", { name: "View" }).click();
  await page
    .getByRole("dialog", { name: "View" })
    .getByRole("button", { name: "Guest", exact: true })
    .click();
  await page.keyboard.press("Escape");
  await eventually(
    () => heads.first().textContent(),
    (t) => /, (VM|CT) \d+/.test(t),
  );
});

check("backups per day; a click on a day filters to it, another one back (84)", ALL, async (page) => {
  await backups(page).first().waitFor();
  const days = page.locator(".bk-day");
  assert.equal(await days.count(), 30);
  await days.nth(26).click();
  const day = (await days.nth(26).getAttribute("aria-label")).slice(0, 10);
  await eventually(() => params(page).get("q"), `date:${day}`);
  await eventually(
    () => backups(page).allTextContents(),
    (l) => l.length > 0 && l.every((t) => t.includes(day)),
  );
  assert.equal(await days.count(), 30, "the other days stay to compare");
  assert.equal(await days.nth(26).getAttribute("aria-pressed"), "true");
  await days.nth(26).click();
  await eventually(() => params(page).get("q"), null);
  await page.getByRole("button", { name: "90 d" }).click();
  await eventually(() => days.count(), 90);
});

check(
  "scrolls fifty thousand backups with few rows in the page (86)",
  { ...ALL, world: { guests: 800, backups: 51_000 } },
  async (page) => {
    await backups(page).first().waitFor();
    const grid = page.getByRole("grid", { name: "Backups" });
    assert.ok(Number(await grid.getAttribute("aria-rowcount")) > 50_000);
    assert.ok((await page.locator("tr").count()) < 90);
    await page
      .locator("main .scroll")
      .first()
      .evaluate((el) => el.scrollTo(0, el.scrollHeight));
    await eventually(
      () => backups(page).last().getAttribute("aria-rowindex"),
      (n) => Number(n) > 50_000,
    );
    assert.ok((await page.locator("tr").count()) < 90);
  },
);

check(
  "coverage: guests that no job selects first, then those without a backup (87)",
  { path: "/proxmox/backups" },
  async (page) => {
    await guests(page).first().waitFor();
    const heads = page.locator("tr.group strong");
    await eventually(() => heads.first().textContent(), "In no job");
    assert.match(await guests(page).first().textContent(), /in no job/);
    await page.getByRole("button", { name: /^Attention/ }).click();
    await eventually(
      () => guests(page).count(),
      (n) => n > 2 && n < 20,
    );
    await page.getByRole("button", { name: /^Attention/ }).click();
    await page.getByRole("combobox", { name: "Filter guests" }).fill("age>2d");
    await eventually(
      () => guests(page).allTextContents(),
      (l) => l.length > 0 && l.every((t) => /\dd|\d d/.test(t)),
    );
    await page.getByRole("combobox", { name: "Filter guests" }).fill("snapshot>30d");
    await eventually(
      () => guests(page).count(),
      (n) => n > 0,
    );
    await guests(page).first().click();
    const drawer = page.locator("aside.drawer");
    await drawer
      .getByText("nightly")
      .or(drawer.getByText("all guests"))
      .or(drawer.getByText("No job selects this guest."))
      .first()
      .waitFor();
    await drawer.getByRole("button", { name: "Show its backups" }).click();
    await backups(page).first().waitFor();
  },
);

check("failed backup tasks with their error (88)", { path: "/proxmox/backups" }, async (page) => {
  const now = Date.now();
  await mock({
    tasks: [
      {
        upid: "UPID:pve1:0001:vzdump:130",
        instance: "fra-1",
        node: "pve1",
        type: "vzdump",
        target: "130",
        vmid: 130,
        user: "root@pam",
        startTime: now - 3_600_000,
        endTime: now - 3_500_000,
        outcome: "failed",
        status: "guest-fsfreeze timed out after 60 s",
        error: "guest-fsfreeze timed out after 60 s",
      },
    ],
  });
  await page.locator(".bk-task").getByText("guest-fsfreeze timed out").first().waitFor();
});

check(
  "a failing answer says why; the last one stays when a later one fails",
  {
    ...ALL,
    world: { apiError: { path: "/backups/table", status: 500, body: "the table could not be made" } },
  },
  async (page) => {
    await page.getByRole("heading", { name: "The backups could not be read" }).waitFor();
    await page.getByText("the table could not be made").waitFor();
    await mock({ set: { apiError: null } });
    await page.getByRole("button", { name: "Try again" }).click();
    await backups(page).first().waitFor();
    await mock({ set: { apiError: { path: "/backups/table", status: 500, body: "gone again" } } });
    await mock({ tick: { set: { revisions: { backups: 9, snapshots: 1, tasks: 1 } } } });
    await page.getByText("gone again").waitFor();
    assert.ok((await backups(page).count()) > 5);
  },
);

check("no guests, no backups: what to connect", { ...ALL, world: { guests: 0 } }, async (page) => {
  await page.getByRole("heading", { name: "No backup is known" }).waitFor();
  await page.getByRole("link", { name: "Connect a Backup Server" }).click();
  await page.getByRole("dialog", { name: "Add a node" }).waitFor();
});

check(
  "mail volume, spam, viruses, quarantine, queues and flow (79, 80)",
  { path: "/proxmox/mail" },
  async (page) => {
    const gateway = page.getByRole("article", { name: "mx-lab" });
    await gateway.waitFor();
    await gateway.locator(".badge", { hasText: "mx-labb offline" }).waitFor();
    await gateway.getByText("118 deferred").waitFor();
    for (const name of ["Today", "Quarantine", "Spam score", "By hour"])
      await gateway.getByRole("heading", { name }).waitFor();
    assert.equal(await gateway.locator(".mail-hours > span").count(), 24);
    const first = await page.locator(".mail-gw h2").first().textContent();
    assert.equal(first.trim(), "mx-lab", "the one with a problem first");
  },
);

check(
  "phone: backups and mail without sideways scroll (191)",
  { path: "/proxmox/backups", size: "phone" },
  async (page) => {
    const flat = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    await page.locator(".gc").first().waitFor();
    assert.ok(await flat());
    await page.getByRole("button", { name: "All backups" }).click();
    await page.locator('.gc[data-row="backup"]').first().click();
    await page.locator("aside.drawer").waitFor();
    assert.ok(await flat());
    await page.goBack();
    await page.locator("aside.drawer").waitFor({ state: "detached" });
  },
);
