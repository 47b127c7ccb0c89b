// Prints what a browser downloads: compressed sizes of dist, and of the first load of the overview.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = join(fileURLToPath(new URL("..", import.meta.url)), "dist");
const brotli = (data) =>
  brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const files = readdirSync(dist, { recursive: true })
  .map(String)
  .filter((f) => statSync(join(dist, f)).isFile())
  .map((name) => {
    const data = readFileSync(join(dist, name));
    const packed = name.endsWith(".woff2");
    return {
      name,
      raw: data.length,
      gzip: packed ? data.length : gzipSync(data).length,
      br: packed ? data.length : brotli(data),
    };
  })
  .sort((a, b) => b.br - a.br);
const kb = (n) => `${(n / 1024).toFixed(1)} kB`.padStart(10);
for (const f of files) console.log(f.name.padEnd(48), kb(f.raw), kb(f.gzip), kb(f.br));
const js = files.filter((f) => f.name.endsWith(".js"));
const sum = (list, key) => list.reduce((n, f) => n + f[key], 0);
console.log("all JavaScript".padEnd(48), kb(sum(js, "raw")), kb(sum(js, "gzip")), kb(sum(js, "br")));
const BUDGET = 100 * 1024;
if (sum(js, "br") > BUDGET) {
  console.error(`over the budget of ${kb(BUDGET).trim()} of compressed JavaScript`);
  process.exitCode = 1;
}
