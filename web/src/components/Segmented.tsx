import { For, Show } from "solid-js";
import { Icon, type IconName } from "./Icon";

export interface Option<T extends string> {
  value: T;
  label: string;
  icon?: IconName;
}

/** Two to seven exclusive choices, as pressed buttons with arrow keys between them. */
export function Segmented<T extends string>(props: {
  label: string;
  options: readonly Option<T>[];
  value: T;
  onChange: (value: T) => void;
  size?: "sm";
  class?: string;
}) {
  let root: HTMLDivElement | undefined;
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = props.options.findIndex((option) => option.value === props.value);
    const next = props.options[(at + step + props.options.length) % props.options.length];
    if (!next) return;
    props.onChange(next.value);
    root?.querySelector<HTMLButtonElement>(`[data-value="${next.value}"]`)?.focus();
  };
  return (
    <div
      ref={root}
      class={`seg ${props.class ?? ""}`}
      data-size={props.size}
      role="group"
      aria-label={props.label}
      onKeyDown={move}
    >
      <For each={props.options}>
        {(option) => (
          <button
            type="button"
            data-value={option.value}
            aria-pressed={props.value === option.value}
            tabindex={props.value === option.value ? 0 : -1}
            onClick={() => props.onChange(option.value)}
          >
            <Show when={option.icon} keyed>
              {(icon) => <Icon name={icon} small />}
            </Show>
            {option.label}
          </button>
        )}
      </For>
    </div>
  );
}
