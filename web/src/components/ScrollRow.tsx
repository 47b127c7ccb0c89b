import { createSignal, onCleanup, type JSX } from "solid-js";

/** A row that scrolls sideways where room is short; its edge fades where more follows. */
export function ScrollRow(props: { label?: string; class?: string; children: JSX.Element }) {
  const [edges, setEdges] = createSignal({ before: false, after: false });
  const measure = (el: HTMLElement) =>
    setEdges({ before: el.scrollLeft > 4, after: el.scrollLeft + el.clientWidth < el.scrollWidth - 4 });
  const watch = (el: HTMLElement) => {
    const update = () => measure(el);
    const sizes = new ResizeObserver(update);
    const content = new MutationObserver(update);
    sizes.observe(el);
    content.observe(el, { childList: true, subtree: true, characterData: true });
    onCleanup(() => {
      sizes.disconnect();
      content.disconnect();
    });
  };
  return (
    <div
      ref={watch}
      class={props.class ?? "fb"}
      role={props.label ? "group" : undefined}
      aria-label={props.label}
      data-before={edges().before ? "" : undefined}
      data-after={edges().after ? "" : undefined}
      onScroll={(event) => measure(event.currentTarget)}
    >
      {props.children}
    </div>
  );
}
