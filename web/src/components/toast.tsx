/** Answers to the user's own actions. At most two; alerts never come this way. */
import { createSignal, For, Show } from "solid-js";
import type { Level } from "@/model/level";
import { Button } from "./Button";
import { Status } from "./Status";

interface ToastData {
  id: number;
  level: Level;
  title: string;
  detail?: string;
  action?: { label: string; run: () => void };
}

const [toasts, setToasts] = createSignal<ToastData[]>([]);
let next = 1;

const dismiss = (id: number) => setToasts((all) => all.filter((t) => t.id !== id));

export function toast(data: Omit<ToastData, "id">) {
  const id = next++;
  setToasts((all) => [...all, { ...data, id }].slice(-2));
  setTimeout(() => dismiss(id), data.level === "critical" ? 12_000 : data.action ? 8_000 : 4_000);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      <For each={toasts()}>
        {(item) => (
          <div class="toast">
            <Status level={item.level} decorative />
            <div class="flex-1 min-w-0">
              <b class="font-semibold">{item.title}</b>
              <Show when={item.detail}>
                <div class="muted text-xs">{item.detail}</div>
              </Show>
            </div>
            <Show when={item.action} keyed>
              {(action) => (
                <Button
                  size="sm"
                  kind="ghost"
                  onClick={() => {
                    dismiss(item.id);
                    action.run();
                  }}
                >
                  {action.label}
                </Button>
              )}
            </Show>
            <Button size="sm" kind="ghost" icon="x" label="Dismiss" onClick={() => dismiss(item.id)} />
          </div>
        )}
      </For>
    </div>
  );
}
