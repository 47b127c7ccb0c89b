import { Show, splitProps, type JSX } from "solid-js";
import { Icon, type IconName } from "./Icon";

interface Look {
  kind?: "primary" | "ghost" | "danger";
  size?: "sm" | "lg";
  icon?: IconName;
  /** Icon only; `label` becomes the accessible name. */
  label?: string;
}

type ButtonProps = Look & { pending?: boolean } & JSX.ButtonHTMLAttributes<HTMLButtonElement>;

export function Button(props: ButtonProps) {
  const [own, rest] = splitProps(props, ["kind", "size", "icon", "label", "pending", "children", "disabled"]);
  return (
    <button
      type="button"
      class="btn"
      data-kind={own.kind}
      data-size={own.size}
      data-icon={own.label ? "" : undefined}
      aria-label={own.label}
      title={own.label}
      aria-busy={own.pending ? "true" : undefined}
      disabled={own.disabled || own.pending}
      {...rest}
    >
      <Show when={own.icon} keyed>
        {(icon) => <Icon name={icon} />}
      </Show>
      {own.children}
    </button>
  );
}

export function ButtonLink(props: Look & JSX.AnchorHTMLAttributes<HTMLAnchorElement>) {
  const [own, rest] = splitProps(props, ["kind", "size", "icon", "label", "children"]);
  return (
    <a
      class="btn"
      data-kind={own.kind}
      data-size={own.size}
      data-icon={own.label ? "" : undefined}
      aria-label={own.label}
      title={own.label}
      {...rest}
    >
      <Show when={own.icon} keyed>
        {(icon) => <Icon name={icon} />}
      </Show>
      {own.children}
    </a>
  );
}
