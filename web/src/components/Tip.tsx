/**
 * One tooltip for a whole table. Elements carry `data-tip`; the text is made only when it is needed. What a tip
 * says also stands in the drawer, so nothing depends on hovering.
 */
import { createSignal, onCleanup, Show } from "solid-js";

export function Tip(props: {
  root: () => HTMLElement | undefined;
  text: (target: HTMLElement, event: PointerEvent) => string | undefined;
}) {
  const [tip, setTip] = createSignal<{ text: string; x: number; y: number }>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const hide = () => {
    clearTimeout(timer);
    setTip(undefined);
  };
  const move = (event: PointerEvent) => {
    if (event.pointerType === "touch") return;
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tip]") : null;
    if (!target || !props.root()?.contains(target)) {
      if (tip() || timer) hide();
      return;
    }
    const text = props.text(target, event);
    clearTimeout(timer);
    if (!text) {
      hide();
      return;
    }
    const next = { text, x: Math.min(event.clientX + 12, innerWidth - 240), y: event.clientY + 16 };
    if (tip()) setTip(next);
    else timer = setTimeout(() => setTip(next), 180);
  };
  addEventListener("pointermove", move, { passive: true });
  addEventListener("scroll", hide, { passive: true, capture: true });
  addEventListener("pointerdown", hide, { passive: true });
  onCleanup(() => {
    clearTimeout(timer);
    removeEventListener("pointerdown", hide);
    removeEventListener("pointermove", move);
    removeEventListener("scroll", hide, { capture: true });
  });

  return (
    <Show when={tip()}>
      {(t) => (
        <div
          class="tip"
          role="tooltip"
          style={{ left: `${t().x}px`, top: `${Math.min(t().y, innerHeight - 90)}px` }}
        >
          {t().text}
        </div>
      )}
    </Show>
  );
}
