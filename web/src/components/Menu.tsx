/**
 * A button that opens a menu in the top layer (popover). Escape and a click outside close it; arrow keys move;
 * focus goes back to the button.
 */
import { createSignal, createUniqueId, Show, type JSX } from "solid-js";

export function Menu(props: {
  button: (attrs: JSX.ButtonHTMLAttributes<HTMLButtonElement>) => JSX.Element;
  label: string;
  width?: number;
  align?: "start" | "end";
  children: (close: () => void) => JSX.Element;
}) {
  const id = createUniqueId();
  const [open, setOpen] = createSignal(false);
  let panel: HTMLDivElement | undefined;
  let button: HTMLElement | undefined;

  const items = () => [...(panel?.querySelectorAll<HTMLElement>("button, a, input, select") ?? [])];
  const close = () => panel?.hidePopover();

  const place = () => {
    if (!panel || !button) return;
    const box = button.getBoundingClientRect();
    const size = panel.getBoundingClientRect();
    const left = props.align === "start" ? box.left : box.right - size.width;
    panel.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
    const below = box.bottom + 4;
    panel.style.top =
      below + size.height > innerHeight - 8 && box.top > size.height
        ? `${box.top - size.height - 4}px`
        : `${below}px`;
  };

  const toggle = () => {
    panel?.togglePopover();
    if (!panel?.matches(":popover-open")) return;
    // At once, not with the toggle event a moment later: the next key already belongs to the menu.
    setOpen(true);
    place();
    items()[0]?.focus();
  };

  const toggled = (event: ToggleEvent) => {
    if (event.newState === "open") return;
    setOpen(false);
    if (!document.activeElement || document.activeElement === document.body) button?.focus();
  };

  const keys = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      close();
      button?.focus();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[
      event.key
    ];
    if (step === undefined) return;
    event.preventDefault();
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const next =
      step === Number.NEGATIVE_INFINITY
        ? 0
        : step === Number.POSITIVE_INFINITY
          ? all.length - 1
          : (at + step + all.length) % all.length;
    all[next]?.focus();
  };

  return (
    <>
      {props.button({
        ref: (el: HTMLButtonElement) => (button = el),
        "aria-expanded": open(),
        "aria-haspopup": "dialog",
        "aria-controls": id,
        onClick: toggle,
      })}
      <div
        ref={panel}
        id={id}
        popover="auto"
        class="pop"
        role="dialog"
        aria-label={props.label}
        style={props.width ? { width: `${props.width}px` } : undefined}
        on:toggle={toggled}
        onKeyDown={keys}
      >
        <Show when={open()}>{props.children(close)}</Show>
      </div>
    </>
  );
}
