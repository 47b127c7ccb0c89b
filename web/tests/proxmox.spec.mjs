// Storage, disks, ZFS, Ceph, replication, tasks, clusters. Checklist rows 17, 66 to 78, 191, 192 and their navigation.
import assert from "node:assert/strict";
import { check, eventually, mock, names, params } from "./helper.mjs";

const rows = (page, kind) => page.locator(`tr[data-row="${kind}"]`);
const row = (page, kind, text) => rows(page, kind).filter({ hasText: text }).first();
const field = (page, what) => page.getByRole("combobox", { name: `Filter ${what}` });
const drawer = (page) => page.locator("aside.drawer");
const head = (page, name) => page.locator("main").getByRole("columnheader", { name, exact: true });
const foot = (page) => page.locator(".ftr > span").first();
/** Waits for words that can be seen: a status shape has a hidden title of its own. */
const words = (root, text) =>
  eventually(
    () => root.innerText(),
    (seen) => (text instanceof RegExp ? text.test(seen) : seen.includes(text)),
    `${text} is not said`,
  );
const view = async (page, name) => {
  await page.getByRole("button", { name: "View", exact: true }).click();
  await page.getByRole("dialog", { name: "View" }).getByRole("button", { name, exact: true }).click();
  await page.keyboard.press("Escape");
};

check(
  "storages with usage, free, content; shared ones once (67, 68)",
  { path: "/proxmox/storage" },
  async (page) => {
    const pbs = row(page, "storage", "pbs1");
    for (const part of ["shared", "pbs", "4 nodes", "backup", "57", "22.9", "40", "17.1"])
      assert.match(await pbs.textContent(), new RegExp(part));
    assert.equal(await rows(page, "storage").filter({ hasText: "ceph-vm" }).count(), 1);
    assert.match(await page.locator("tr.group").first().textContent(), /Shared in fra-1.*6 storages/);
    await foot(page).getByText("20 storages").waitFor();
    await view(page, "Type");
    await page.locator("tr.group", { hasText: "lvmthin" }).waitFor();
    await view(page, "Nothing");
    await eventually(() => page.locator("tr.group").count(), 0);
  },
);

check(
  "every head of the storages sorts, unknown values last (69)",
  { path: "/proxmox/storage?group=none" },
  async (page) => {
    await rows(page, "storage").first().waitFor();
    for (const name of ["Storage", "Type", "Nodes", "Content", "Used", "Free", "7 days, full in"]) {
      await head(page, name).getByRole("button").click();
      assert.match((await head(page, name).getAttribute("aria-sort")) ?? "", /ascending|descending/, name);
    }
    await head(page, "Used").getByRole("button").click();
    const used = async () =>
      (await rows(page, "storage").locator(".m .v").allTextContents()).filter((_, i) => i >= 0);
    await eventually(used, (v) => Number.parseFloat(v[0]) > 90);
    await head(page, "Used").getByRole("button").click();
    await eventually(used, (v) => Number.parseFloat(v[0]) < 10 && v.at(-1) === "—");
    assert.equal(params(page).get("sort"), "used");
  },
);

check("unavailable storage is filtered, and explained (70)", { path: "/proxmox/storage" }, async (page) => {
  await page.locator(".ctl .chip", { hasText: "Unavailable" }).click();
  await eventually(() => names(rows(page, "storage")), ["nas-archive", "old-san"]);
  assert.equal(params(page).get("st"), "offline");
  await row(page, "storage", "old-san").locator(".m").getByText("disabled in proxmox").waitFor();
  await row(page, "storage", "nas-archive").click();
  await drawer(page).getByText("Look at its mount or its server").waitFor();
  await page.getByRole("button", { name: "Reset" }).click();
  await field(page, "storages").fill("used>90 is:local");
  await eventually(() => names(rows(page, "storage")), ["tank"]);
});

check(
  "ZFS: state, devices, errors, resilver progress, scrub age (71)",
  { path: "/proxmox/storage" },
  async (page) => {
    const tank = rows(page, "storage").filter({ hasText: "zfspool" }).filter({ hasText: "pve1" });
    await tank.getByText("ZFS degraded, resilver 43 %").waitFor();
    await tank.click();
    for (const text of ["/dev/sdb", "FAULTED", "too many errors", "12 read, 0 write, 3 checksum"])
      await words(drawer(page), text);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "ZFS 4" }).click();
    await eventually(() => new URL(page.url()).pathname, "/proxmox/storage/zfs");
    assert.match(await rows(page, "zfs").first().textContent(), /DEGRADED.*12 · 0 · 3.*resilver 43 %/s);
    await page.locator(".ctl .chip", { hasText: "Scrub is late" }).click();
    await eventually(() => rows(page, "zfs").count(), 1);
    await rows(page, "zfs").getByText("scrub 71 d ago").waitFor();
  },
);

check(
  "a storage on Ceph shows the measured cluster; a thin pool its metadata (72)",
  { path: "/proxmox/storage?open=storage%3Afra-1-cluster-ceph-vm" },
  async (page) => {
    for (const text of ["12 of 16 up", "513 placement groups", "10.4 TiB stored", "4 osds down"])
      await words(drawer(page), text);
    await row(page, "storage", "metadata 93 %").click();
    await drawer(page)
      .getByRole("heading", { name: /Thin pool/ })
      .waitFor();
    await drawer(page).getByText("takes no more writes").waitFor();
    // Without a measured cluster nothing is shown in its place.
    await mock({ state: { cephClusters: [] } });
    await row(page, "storage", "ceph-vm").click();
    await drawer(page).getByRole("heading", { name: "ceph-vm" }).waitFor();
    assert.equal(await drawer(page).getByText("Ceph cluster").count(), 0);
  },
);

check(
  "physical disks: health, wear, temperature, size, by node (73)",
  { path: "/proxmox/storage/disks" },
  async (page) => {
    const strip = page.getByRole("region", { name: "Attention" });
    await strip.getByText("/dev/sdb in pve1").waitFor();
    await strip.getByText("Fails its SMART check").waitFor();
    await field(page, "disks").fill("node:pve1");
    await eventually(() => rows(page, "disk").count(), 6);
    assert.match(
      await row(page, "disk", "/dev/nvme0n1").textContent(),
      /SAMSUNG.*nvme.*3\.49.*passed.*\d+%.*°C.*LVM/s,
    );
    await field(page, "disks").fill("life<10");
    await eventually(() => rows(page, "disk").count(), 1);
    await rows(page, "disk").first().click();
    await words(drawer(page), "7 % of its life is left");
    await drawer(page)
      .getByRole("button", { name: /Copy the serial number|S6/ })
      .waitFor();
    await field(page, "disks").fill("is:standby");
    await rows(page, "disk").first().locator(".st[data-level=paused]").waitFor();
  },
);

check("no disks: what has to be switched on (74)", { path: "/proxmox/storage/disks" }, async (page) => {
  await mock({ state: { physicalDisks: [] } });
  await page.getByRole("heading", { name: "No physical disk is reported" }).waitFor();
  await page.getByText("Sys.Audit").waitFor();
  await mock({
    state: {
      physicalDisks: [],
      instances: [
        {
          type: "pve",
          name: "fra-1",
          health: "healthy",
          gaps: [
            {
              node: "pve1",
              capability: "disks",
              privilege: "Sys.Audit",
              status: 403,
              firstSeen: Date.now(),
              lastSeen: Date.now(),
            },
          ],
        },
      ],
    },
  });
  await page.getByText("refuses disks of pve1").waitFor();
  await mock({
    state: { instances: [{ type: "pve", name: "fra-1", health: "error", error: "no route to host" }] },
  });
  await page.getByText("does not answer: no route to host").waitFor();
});

check(
  "fill trend and days until full, and the words behind them (75)",
  { path: "/proxmox/storage?group=none&sort=full" },
  async (page) => {
    const tank = rows(page, "storage").filter({ hasText: "tank" }).filter({ hasText: "pve4" });
    await tank.locator(".spark path.l").waitFor({ state: "attached" });
    await tank.getByText(/^6 d/).waitFor();
    await tank.locator('td[data-tip="full"]').hover();
    await page.mouse.move(700, 5);
    await tank.locator('td[data-tip="full"]').hover();
    await page.locator(".tip").getByText("% a day").waitFor();
    await tank.click();
    await drawer(page)
      .getByText(/\+1\.1 % a day, full in 6 d/)
      .waitFor();
    await drawer(page).locator(".chart canvas").first().waitFor();
  },
);

check(
  "a young installation opens its history at the range that it fills",
  { path: "/proxmox/overview", world: { youngest: 2400 } },
  async (page) => {
    const range = () =>
      drawer(page).getByRole("group", { name: "Range" }).locator('[aria-pressed="true"]').textContent();
    await rows(page, "node").first().waitFor();
    await row(page, "node", "pve1").click();
    await eventually(range, "1 h");
    await drawer(page).getByRole("button", { name: "7 d", exact: true }).click();
    await page.keyboard.press("Escape");
    await row(page, "node", "pve2").click();
    await eventually(range, "7 d", "a choice is kept");
  },
);

check(
  "Ceph: health, checks, capacity, services, OSDs, pools (76)",
  { path: "/proxmox/ceph" },
  async (page) => {
    const panel = page.getByRole("article", { name: /Ceph of fra-1/ });
    for (const text of [
      "4 osds down",
      "OSD_DOWN",
      "43.7",
      "342 of 513 clean",
      "2 of 3 monitors",
      "12 of 16",
      "1840 op/s",
    ])
      await words(panel, text);
    await panel.getByText("4 details").click();
    await panel.getByText("osd.9 (root=default,host=pve3) is down").waitFor();
    await panel.getByText("1 check muted in Ceph").waitFor();
    await page.locator(".ctl .chip", { hasText: "Down" }).click();
    await eventually(() => names(rows(page, "osd")), ["osd.8", "osd.9", "osd.10", "osd.11"]);
    await rows(page, "osd").nth(1).click();
    await drawer(page).getByText("osd.9 (root=default").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Pools 4" }).click();
    await eventually(() => names(rows(page, "pool")), ["vm", "cephfs_data", "cephfs_metadata", ".mgr"]);
    await field(page, "pools").fill("used>50");
    await eventually(() => rows(page, "pool").count(), 1);
  },
);

check("tabs and the overview tell what is wrong on other pages", {}, async (page) => {
  const tabs = page.getByRole("navigation", { name: "Proxmox pages" });
  for (const [name, level] of [
    ["Storage", "critical"],
    ["Ceph", "critical"],
    ["Replication", "critical"],
  ])
    await tabs.getByRole("link", { name }).locator(`.st[data-level="${level}"]`).waitFor();
  const strip = page.getByRole("region", { name: "Attention" });
  await words(strip, "pve3 is offline");
  await mock({ set: { scenario: "calm", guests: 15 } });
  await words(strip, "Nothing needs you");
  await eventually(() => tabs.locator(".st").count(), 0);
  const state = await (await page.request.get(new URL("/api/state", page.url()).href)).json();
  state.physicalDisks[0].health = "FAILED";
  await mock({ state: { physicalDisks: state.physicalDisks } });
  await strip.getByRole("link", { name: /Disks: 1 problem/ }).click();
  await eventually(() => new URL(page.url()).pathname, "/proxmox/storage/disks");
});

check(
  "no Ceph: its tab is gone, its page says why",
  { world: { scenario: "calm", guests: 15 } },
  async (page) => {
    await mock({ state: { cephClusters: [], replicationJobs: [] } });
    const tabs = page.getByRole("navigation", { name: "Proxmox pages" });
    await eventually(
      () => tabs.getByRole("link").allTextContents(),
      (t) => !t.includes("Ceph") && t.includes("Storage"),
    );
    await page.goto(page.url().replace("/overview", "/ceph"));
    await page.getByRole("heading", { name: "There is no Ceph here" }).waitFor();
    await tabs.getByRole("link", { name: "Ceph" }).waitFor();
    await page.goto(page.url().replace("/ceph", "/replication"));
    await page.getByRole("heading", { name: "No replication is set up" }).waitFor();
  },
);

check(
  "replication: failures first, last, next, duration, the whole error (77, 78)",
  { path: "/proxmox/replication" },
  async (page) => {
    const first = rows(page, "job").first();
    assert.match(
      await first.textContent(),
      /121-0.*pve1 → pve2.*Failed 7 times in a row.*9 h ago.*29 s.*in \d+ min/s,
    );
    await first.click();
    await drawer(page).getByText("has been modified since most recent snapshot").waitFor();
    await drawer(page)
      .getByRole("link", { name: /VM 121/ })
      .waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".ctl .chip", { hasText: "Overdue" }).click();
    await eventually(() => rows(page, "job").count(), 1);
    await rows(page, "job").getByText("1 h late").waitFor();
    await page.getByRole("button", { name: "Reset" }).click();
    await field(page, "jobs").fill("is:failed target:pve2");
    await eventually(() => rows(page, "job").count(), 1);
    await field(page, "jobs").fill("zfs recv");
    await eventually(() => rows(page, "job").count(), 1, "the error's words are found");
  },
);

check(
  "tasks: running and failed first, filters, readable errors",
  { path: "/proxmox/tasks" },
  async (page) => {
    const groups = () => page.locator("tr.group strong").allTextContents();
    await eventually(groups, (g) => g[0] === "Running" && g[1] === "Failed");
    await rows(page, "task")
      .filter({ has: page.locator('.st[data-level="critical"]') })
      .first()
      .click();
    await drawer(page).getByText("It failed").waitFor();
    await words(drawer(page), /QEMU exited|job errors|Stale file handle|got timeout|aborted/);
    await drawer(page).getByTitle("Copy the UPID").waitFor();
    await page.keyboard.press("Escape");
    for (const [query, text] of [
      ["type:vzdump", /Backup/],
      ["node:pve2", /pve2/],
      ["user:alice", /alice@ldap/],
      ["guest:db-prod", /db-prod/],
    ]) {
      await field(page, "tasks").fill(query);
      await eventually(
        () => rows(page, "task").allTextContents(),
        (all) => all.length > 0 && all.every((t) => text.test(t)),
        query,
      );
    }
    await field(page, "tasks").fill("");
    const before = Number.parseInt(await foot(page).textContent(), 10);
    await mock({
      tasks: [
        {
          upid: "UPID:pve1:0:0:0:qmstart:999:root@pam:",
          instance: "fra-1",
          node: "pve1",
          type: "qmstart",
          target: "999",
          vmid: 999,
          user: "root@pam",
          startTime: Date.now() - 5_000,
          outcome: "running",
          status: "running",
        },
      ],
    });
    await page.getByText("guest 999").waitFor();
    await foot(page)
      .getByText(`${before + 1} tasks`)
      .waitFor();
  },
);

check(
  "tasks that cannot be read say so and can be tried again",
  { path: "/proxmox/overview" },
  async (page) => {
    await mock({ set: { apiError: { path: "/api/tasks", status: 503, body: "the collector starts" } } });
    await page.getByRole("link", { name: "Tasks" }).click();
    await page.getByText("the collector starts").waitFor();
    await mock({ set: { apiError: null } });
    await page.getByRole("button", { name: "Try again" }).click();
    await rows(page, "task").first().waitFor();
  },
);

check(
  "cluster: quorum, qdevice, members, updates, reboot, certificates",
  { path: "/proxmox/cluster" },
  async (page) => {
    const group = page.locator("tr.group", { hasText: "fra-1" });
    await group
      .getByText("quorate · 4 of 5 votes, 3 needed · 3 of 4 members online · qdevice connected")
      .waitFor();
    assert.match(await row(page, "member", "pve1").textContent(), /HA master.*14 · 4 security.*needed/s);
    await row(page, "member", "pve4")
      .getByText(/ended \d d ago/)
      .waitFor();
    await page.getByText("Grant Sys.Modify to the account that Pulse uses").waitFor();
    await row(page, "member", "pve1").click();
    for (const text of [
      "corosync, by the Proxmox API",
      "libssl3t64",
      "6.14.11-6-pve is installed",
      "pveproxy-ssl.pem",
      "10.20.0.250",
    ])
      await words(drawer(page), text);
    await page.keyboard.press("Escape");
    await page.locator(".ctl .chip", { hasText: "Certificate ends" }).click();
    await eventually(() => names(rows(page, "member")), ["pve2", "pve4"]);
  },
);

check(
  "a cluster without quorum comes first; HA services in trouble",
  { path: "/proxmox/cluster" },
  async (page) => {
    await rows(page, "member").first().waitFor();
    const strip = page.getByRole("region", { name: "Attention" });
    await strip.getByText(/HA services? in trouble/).click();
    await eventually(() => new URL(page.url()).pathname, "/proxmox/cluster/ha");
    await eventually(
      () =>
        rows(page, "service")
          .locator("td:first-child .st")
          .evaluateAll((all) => all.map((s) => s.dataset.level)),
      (levels) => levels.length > 0 && levels.every((l) => l === "critical"),
    );
    await rows(page, "service").filter({ hasText: "error" }).first().click();
    await words(drawer(page), "gave up and waits");
    const state = (await (await page.request.get(new URL("/api/state", page.url()).href)).json()).clusters;
    state[0].quorate = false;
    await mock({ state: { clusters: state } });
    await page.goto(page.url().replace(/\/ha.*/, ""));
    await strip.getByText("fra-1 has no quorum").waitFor();
  },
);

check(
  "details follow updates and say when the thing is gone",
  { path: "/proxmox/storage/disks" },
  async (page) => {
    await row(page, "disk", "/dev/sda").click();
    await drawer(page).getByRole("heading", { name: "/dev/sda" }).waitFor();
    const disks = (await (await page.request.get(new URL("/api/state", page.url()).href)).json())
      .physicalDisks;
    const id = params(page).get("open").slice(5);
    disks.find((d) => d.id === id).temperature = 66;
    await mock({ state: { physicalDisks: disks } });
    await words(drawer(page), "66 °C, limit 60 °C");
    await mock({ state: { physicalDisks: disks.filter((d) => d.id !== id) } });
    await drawer(page).getByText("This disk is gone").waitFor();
  },
);

check("keyboard: go to a page, move, open, close (17)", { path: "/proxmox/overview" }, async (page) => {
  await rows(page, "guest").first().waitFor();
  for (const [key, path] of [
    ["t", "/proxmox/tasks"],
    ["c", "/proxmox/cluster"],
    ["r", "/proxmox/replication"],
    ["d", "/proxmox/storage"],
  ]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await eventually(() => new URL(page.url()).pathname, path);
  }
  await rows(page, "storage").first().waitFor();
  await page.keyboard.press("j");
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-id"));
  const id = await eventually(focused, (v) => Boolean(v));
  await page.keyboard.press("Enter");
  await eventually(() => params(page).get("open"), `storage:${id}`);
  await page.keyboard.press("Escape");
  await drawer(page).waitFor({ state: "detached" });
  await eventually(focused, id);
});

check(
  "40 nodes: few rows in the page, updates do not lose the place (193)",
  { path: "/proxmox/storage/disks", world: { guests: 800 } },
  async (page) => {
    await rows(page, "disk").first().waitFor();
    assert.ok((await rows(page, "disk").count()) < 70);
    await foot(page).getByText("240 disks").waitFor();
    await page.locator("main .scroll").evaluate((el) => (el.scrollTop = 3_000));
    const top = () => page.locator("main .scroll").evaluate((el) => el.scrollTop);
    await mock({ tick: true });
    await mock({ tick: true });
    assert.equal(await top(), 3_000);
    assert.ok((await page.locator("tr.group").count()) >= 1, "the group's head sticks");
  },
);

check(
  "phone: cards, chips that fade, details, no sideways scroll (191)",
  { size: "phone", path: "/proxmox/storage" },
  async (page) => {
    const flat = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    for (const [path, kind] of [
      ["/proxmox/storage", "storage"],
      ["/proxmox/storage/disks", "disk"],
      ["/proxmox/storage/zfs", "zfs"],
      ["/proxmox/cluster", "member"],
      ["/proxmox/cluster/ha", "service"],
      ["/proxmox/tasks", "task"],
      ["/proxmox/replication", "job"],
      ["/proxmox/ceph", "osd"],
    ]) {
      if (new URL(page.url()).pathname !== path) await page.goto(new URL(path, page.url()).href);
      const card = page.locator(`a.gc[data-row="${kind}"]`).first();
      await card.waitFor();
      assert.ok(await flat(), path);
      await card.click();
      await drawer(page).waitFor();
      assert.ok(await flat(), `${path}, details`);
      assert.equal(
        await drawer(page).evaluate((el) => el.scrollWidth <= innerWidth),
        true,
        `${path}, details`,
      );
      await drawer(page)
        .getByRole("button", { name: /Close details/ })
        .click();
    }
    await page.goto(new URL("/proxmox/storage", page.url()).href);
    const chips = page.getByRole("group", { name: "Filters" });
    await eventually(() => chips.getAttribute("data-after"), "");
    await chips.evaluate((el) => (el.scrollLeft = el.scrollWidth));
    await eventually(() => chips.getAttribute("data-after"), null);
    await page.getByRole("button", { name: "View options" }).click();
    await page.getByRole("dialog", { name: "View" }).getByRole("button", { name: "Used" }).click();
    assert.equal(params(page).get("sort"), "-used");
  },
);
