/**
 * Keyboard shortcuts of the page on screen. They register with the page and leave with it, so that no page
 * answers for another. Keys typed into a field, a dialog or a menu never reach them.
 */
import { createSignal, For, onCleanup, Show } from "solid-js";
import { Dialog } from "./Dialog";

export interface Shortcut {
  keys: string[];
  label: string;
  run: (event: KeyboardEvent) => void;
  /** Only right after this key, which then comes before the page's own keys. */
  after?: string;
  /** Listed in the help, handled elsewhere. */
  shown?: boolean;
}

const [active, setActive] = createSignal<Shortcut[][]>([]);
const [helpOpen, setHelpOpen] = createSignal(false);

export function createShortcuts(shortcuts: Shortcut[]) {
  setActive((all) => [...all, shortcuts]);
  onCleanup(() => setActive((all) => all.filter((set) => set !== shortcuts)));
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

const PREFIX_MS = 1_500;
let before = { key: "", at: 0 };

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
    return;
  if (document.querySelector("dialog[open]")) return;
  const prefix = event.timeStamp - before.at < PREFIX_MS ? before.key : undefined;
  before = { key: event.key, at: event.timeStamp };
  const wanted = (s: Shortcut) => s.keys.includes(event.key);
  const all = active().toReversed().flat();
  const prefixed = all.find((s) => prefix !== undefined && s.after === prefix && wanted(s));
  for (const shortcut of prefixed ? [prefixed] : all)
    if (!shortcut.after === !prefixed && wanted(shortcut)) {
      if (event.key === "Enter" && event.target instanceof HTMLElement && event.target.closest("a, button"))
        return;
      event.preventDefault();
      shortcut.run(event);
      return;
    }
});

const NAMES: Record<string, string> = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc", " ": "Space" };

export const openHelp = () => setHelpOpen(true);

export function ShortcutHelp() {
  return (
    <Show when={helpOpen()}>
      <Dialog title="Keys" width={420} onClose={() => setHelpOpen(false)}>
        <dl class="facts">
          <For
            each={active()
              .flat()
              .filter((s) => s.label)}
          >
            {(shortcut) => (
              <div style={{ "grid-template-columns": "110px 1fr" }}>
                <dt class="row" style={{ gap: "4px" }}>
                  <For each={shortcut.keys}>{(key) => <kbd>{NAMES[key] ?? key}</kbd>}</For>
                </dt>
                <dd>{shortcut.label}</dd>
              </div>
            )}
          </For>
        </dl>
        <p class="muted text-xs">Keys rest while you type in a field.</p>
      </Dialog>
    </Show>
  );
}
