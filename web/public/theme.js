// Runs before the first paint. Keys are written by src/prefs/prefs.ts.
(function () {
  var root = document.documentElement;
  var prefs = {};
  try {
    prefs = JSON.parse(localStorage.getItem("pulse.prefs") || "{}");
  } catch {
    /* unreadable preferences: fall back to the system's */
  }
  var dark =
    prefs.theme === "dark" || (prefs.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";
  if (prefs.density === "compact") root.dataset.density = "compact";
  if (matchMedia("(prefers-contrast: more)").matches) root.dataset.contrast = "more";
  var meta = document.querySelector('meta[name="theme-color"]');
  if (meta) meta.setAttribute("content", dark ? "#0c1013" : "#fafbfc");
})();
