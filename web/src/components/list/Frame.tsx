/** What stands around every list: the words at the foot, and whether the data is old. */
import { type JSX } from "solid-js";
import { live } from "@/live/live";

/** The page shows data that is no longer fresh. */
export const aged = () => live.freshness() === "lost" || live.freshness() === "stale";

export function Footer(props: { children: JSX.Element }) {
  return (
    <footer class="ftr">
      {props.children}
      <span class="spacer" />
      <span class="grp">
        <kbd>j</kbd>
        <kbd>k</kbd> move
      </span>
      <span class="grp">
        <kbd>Enter</kbd> details
      </span>
      <span class="grp">
        <kbd>/</kbd> filter
      </span>
      <span class="grp">
        <kbd>?</kbd> all keys
      </span>
    </footer>
  );
}
