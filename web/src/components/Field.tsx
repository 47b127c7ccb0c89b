import { createUniqueId, Show, type JSX } from "solid-js";
import { Icon, type IconName } from "./Icon";

/** A labelled input with its help or error tied to it. */
export function TextField(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  help?: JSX.Element | undefined;
  error?: string | undefined;
  type?: "text" | "password" | "url" | "date";
  placeholder?: string | undefined;
  mono?: boolean;
  large?: boolean;
  icon?: IconName;
  required?: boolean;
  disabled?: boolean;
  autocomplete?: string;
  name?: string;
  autofocus?: boolean;
  trailing?: JSX.Element;
  inputRef?: (el: HTMLInputElement) => void;
}) {
  const id = createUniqueId();
  return (
    <div class="field">
      <label class="label" for={id}>
        {props.label}
      </label>
      <span
        class="input"
        data-invalid={props.error ? "" : undefined}
        data-size={props.large ? "lg" : undefined}
      >
        <Show when={props.icon} keyed>
          {(icon) => <Icon name={icon} small />}
        </Show>
        <input
          ref={(el) => {
            props.inputRef?.(el);
            if (props.autofocus) queueMicrotask(() => el.focus());
          }}
          id={id}
          type={props.type ?? "text"}
          name={props.name}
          class={props.mono ? "mono" : undefined}
          value={props.value}
          placeholder={props.placeholder}
          required={props.required}
          disabled={props.disabled}
          autocomplete={props.autocomplete ?? "off"}
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={props.error ? "true" : undefined}
          aria-describedby={props.error || props.help ? `${id}-help` : undefined}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
        {props.trailing}
      </span>
      <Show when={props.error || props.help}>
        <span class="help" id={`${id}-help`} data-error={props.error ? "" : undefined}>
          {props.error || props.help}
        </span>
      </Show>
    </div>
  );
}

export function Check(props: {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: JSX.Element;
  disabled?: boolean;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.children}</span>
    </label>
  );
}
