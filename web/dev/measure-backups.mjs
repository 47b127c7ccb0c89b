// How long the Backups page takes to open, and how evenly it scrolls.
// Usage: node dev/measure-backups.mjs [--url http://127.0.0.1:7655] [--user admin --password …] [--runs 5]
import { chromium } from "playwright-core";

const args = process.argv.slice(2);
const option = (name, fallback) =>
  args.includes(`--${name}`) ? args[args.indexOf(`--${name}`) + 1] : fallback;
const url = option("url", "http://127.0.0.1:7655");
const runs = Number(option("runs", "5"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
await page.goto(url);
if (option("password", "")) {
  await page.getByLabel("User name").fill(option("user", "admin"));
  await page.getByLabel("Password").fill(option("password", ""));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
await page.locator(".hdr").waitFor();
const middle = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const quantile = (list, q) =>
  list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

/** From the click on a link of the page that is open to the first painted row. */
async function opening(link, row) {
  await page.goto(`${url}/proxmox/overview`);
  await page.locator('tr[data-row="guest"]').first().waitFor();
  return page.evaluate(
    ([href, selector]) =>
      new Promise((done) => {
        const start = performance.now();
        history.pushState(null, "", href);
        dispatchEvent(new PopStateEvent("popstate"));
        const look = () =>
          document.querySelector(selector)
            ? requestAnimationFrame(() => done(performance.now() - start))
            : requestAnimationFrame(look);
        look();
      }),
    [link, row],
  );
}
const open = { coverage: [], all: [] };
for (let i = 0; i < runs; i += 1) {
  open.coverage.push(
    await opening(
      "/proxmox/backups",
      'tr[data-row="guest"] .bk-good, .grid-table[aria-label="Backup coverage"] tr[data-row]',
    ),
  );
  open.all.push(await opening("/proxmox/backups/all", 'tr[data-row="backup"]'));
}

/** Frames while the list scrolls by `step` pixels a frame. */
const scroll = (step, frames) =>
  page.evaluate(
    ([by, count]) =>
      new Promise((done) => {
        const scroller = document.querySelector("main.main .scroll");
        const times = [];
        let blank = 0;
        let before = performance.now();
        const next = () => {
          const at = performance.now();
          times.push(at - before);
          before = at;
          const box = scroller.getBoundingClientRect();
          const under = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          if (!under?.closest("tr[data-row], tr.group")) blank += 1;
          if (times.length > count) return done({ times: times.slice(1), blank });
          scroller.scrollTop += by;
          requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      }),
    [step, frames],
  );
const rows = await page.evaluate(
  () => Number(document.querySelector('.grid-table[role="grid"]').getAttribute("aria-rowcount")) - 1,
);
console.log(`${rows} rows (with the heads of groups), ${runs} openings`);
for (const [name, list] of Object.entries(open))
  console.log(`open ${name}: median ${middle(list).toFixed(0)} ms, worst ${Math.max(...list).toFixed(0)} ms`);
for (const step of [60, 400, 4000]) {
  const { times, blank } = await scroll(step, 240);
  console.log(
    `scroll ${step} px a frame: ${(1000 / (times.reduce((a, b) => a + b, 0) / times.length)).toFixed(1)} frames/s, ` +
      `p95 ${quantile(times, 0.95).toFixed(1)} ms, worst ${Math.max(...times).toFixed(1)} ms, ` +
      `${times.filter((t) => t > 25).length} of ${times.length} late, ${blank} blank`,
  );
}
await page.evaluate(() => (document.querySelector("main.main .scroll").scrollTop = 0));
const input = page.getByRole("combobox", { name: "Filter backups" });
const typed = [];
for (const text of ["w", "we", "web", "web-", "web-p"]) {
  typed.push(
    await input.evaluate(
      (el, value) =>
        new Promise((done) => {
          const start = performance.now();
          el.value = value;
          el.dispatchEvent(new InputEvent("input", { bubbles: true }));
          requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
        }),
      text,
    ),
  );
}
console.log(
  `type in the filter: median ${middle(typed).toFixed(0)} ms, worst ${Math.max(...typed).toFixed(0)} ms`,
);
await browser.close();
