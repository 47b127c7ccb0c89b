/** The shape of the page before its data: shown only when the data takes longer than a blink. */
import { createSignal, For, onCleanup, Show } from "solid-js";

export function Loading() {
  const [late, setLate] = createSignal(false);
  const timer = setTimeout(() => setLate(true), 300);
  onCleanup(() => clearTimeout(timer));
  return (
    <div class="flex-1 min-w-0" role="status" aria-label="Loading">
      <Show when={late()}>
        <div class="attn row" style={{ height: "54px", gap: "14px" }}>
          <i class="sk" style={{ width: "130px", height: "12px" }} />
          <i class="sk" style={{ width: "220px" }} />
        </div>
        <div
          style={{
            height: "26px",
            background: "var(--surface-sunken)",
            "border-bottom": "1px solid var(--line-strong)",
          }}
        />
        <For each={[112, 84, 126, 96, 70, 118, 90, 104]}>
          {(width) => (
            <div
              class="row border-b border-line"
              style={{ height: "28px", gap: "40px", padding: "0 var(--gutter)" }}
            >
              <i class="sk" style={{ width: "8px", "border-radius": "50%" }} />
              <i class="sk" style={{ width: `${width}px` }} />
              <span class="spacer" />
              <For each={[0, 1, 2]}>
                {() => (
                  <span class="row phone:hidden">
                    <i class="sk" style={{ width: "24px" }} />
                    <i class="sk" style={{ width: "70px", height: "4px" }} />
                  </span>
                )}
              </For>
              <i class="sk" style={{ width: "40px" }} />
            </div>
          )}
        </For>
      </Show>
    </div>
  );
}
