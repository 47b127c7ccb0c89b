// Writes a .br and a .gz beside each text file of dist, which the server sends as they are, and prints what a browser
// downloads: all sizes, and the JavaScript of the overview's first load.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const BUDGET = 100 * 1024;
const dist = join(fileURLToPath(new URL("..", import.meta.url)), "dist");
const TEXT = /\.(js|css|html|svg|json)$/;
const brotli = (data) =>
  brotliCompressSync(data, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
    },
  });

const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
// The manifest is for this report only; the server embeds dist as it is.
rmSync(join(dist, ".vite"), { recursive: true });
const first = new Set();
const visit = (key) => {
  const chunk = manifest[key];
  if (!chunk || first.has(chunk.file)) return;
  first.add(chunk.file);
  chunk.imports?.forEach(visit);
};
for (const [key, chunk] of Object.entries(manifest))
  if (chunk.isEntry || ["core", "list", "overview"].includes(chunk.name)) visit(key);

const files = readdirSync(dist, { recursive: true })
  .map(String)
  .filter((f) => statSync(join(dist, f)).isFile() && !/\.(br|gz)$/.test(f))
  .map((name) => {
    const data = readFileSync(join(dist, name));
    const forms = { gzip: data, br: data };
    if (TEXT.test(name)) {
      forms.gzip = gzipSync(data, { level: 9 });
      forms.br = brotli(data);
      writeFileSync(join(dist, `${name}.gz`), forms.gzip);
      writeFileSync(join(dist, `${name}.br`), forms.br);
    }
    return {
      name,
      raw: data.length,
      gzip: forms.gzip.length,
      br: forms.br.length,
      first: first.has(name) || name === "theme.js",
    };
  })
  .sort((a, b) => b.br - a.br);
const kb = (n) => `${(n / 1024).toFixed(1)} kB`.padStart(10);
const line = (name, f) => console.log(name.padEnd(50), kb(f.raw), kb(f.gzip), kb(f.br));
const sum = (list) => ({
  raw: list.reduce((n, f) => n + f.raw, 0),
  gzip: list.reduce((n, f) => n + f.gzip, 0),
  br: list.reduce((n, f) => n + f.br, 0),
});
console.log("".padEnd(50), "       raw", "      gzip", "    brotli");
for (const f of files) line((f.first ? "* " : "  ") + f.name, f);
const js = files.filter((f) => f.name.endsWith(".js"));
line("all JavaScript", sum(js));
const load = sum(js.filter((f) => f.first));
line("* JavaScript of the overview's first load", load);
// What people wait for is the first load; pages that come later are only watched.
if (load.br > BUDGET) {
  console.error(
    `the overview's first load is over the budget of ${kb(BUDGET).trim()} of compressed JavaScript`,
  );
  process.exitCode = 1;
}
