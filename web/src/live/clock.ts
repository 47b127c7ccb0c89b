/** One timer for every relative time on the page. It rests while the page is hidden. */
import { createSignal } from "solid-js";

const [now, setNow] = createSignal(Date.now());

setInterval(() => {
  if (document.visibilityState !== "hidden") setNow(Date.now());
}, 1000);
document.addEventListener("visibilitychange", () => setNow(Date.now()));

export { now };
