import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import solid from "vite-plugin-solid";
import { defineConfig } from "vite";

const server = process.env.PULSE_URL ?? "http://127.0.0.1:7655";

export default defineConfig({
  plugins: [solid(), tailwind()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    // Fonts stay files of their own: a data: URL would need font-src data: and block the style sheet.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rolldownOptions: {
      output: {
        // Pages that are used together travel together: fewer files, and they compress better.
        codeSplitting: {
          groups: [
            {
              name: "core",
              priority: 6,
              test: /solid|src.(api|session|prefs|format|live|model|shell)|src.components.[A-Za-z]+\.|pages.(NotFound|login)|list.Loading|preload-helper|src.(App|main)/,
            },
            { name: "list", priority: 5, test: /src.(query|components.(list|query|drawer))/ },
            { name: "overview", priority: 4, test: /src.pages.overview/ },
            { name: "agent", priority: 3, test: /pages.hosts.InstallAgent/ },
            { name: "details", priority: 2, test: /src.pages.details|src.components.chart|uplot/ },
            { name: "settings", priority: 1, test: /src.(pages.settings|components.node-form|pages.wizard)/ },
          ],
        },
      },
    },
  },
  server: {
    port: 5173,
    proxy: {
      "/api": server,
      "/download": server,
      "/install.sh": server,
      "/install.ps1": server,
      "/ws": { target: server, ws: true },
    },
  },
});
