/** A modal dialog on the platform's own element: it traps focus, closes on Escape and gives focus back. */
import { createUniqueId, onCleanup, onMount, Show, type JSX } from "solid-js";

export function Dialog(props: {
  title: string;
  width?: number;
  onClose: () => void;
  /** Asked before closing by Escape or backdrop; false keeps it open. */
  mayClose?: () => boolean;
  children: JSX.Element;
  headExtra?: JSX.Element;
  footer?: JSX.Element;
  aside?: JSX.Element;
  onSubmit?: () => void;
}) {
  const id = createUniqueId();
  let dialog: HTMLDialogElement | undefined;
  const before = document.activeElement;

  onMount(() => dialog?.showModal());
  onCleanup(() => {
    dialog?.close();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });

  const cancel = (event: Event) => {
    event.preventDefault();
    if (props.mayClose?.() ?? true) props.onClose();
  };

  const content = () => (
    <>
      <div class={props.aside ? "dlg-cols" : undefined}>
        <div class="dlg-body">
          <div class="row">
            <h2 id={id}>{props.title}</h2>
            <span class="spacer" />
            {props.headExtra}
          </div>
          {props.children}
        </div>
        {props.aside}
      </div>
      <Show when={props.footer}>
        <div class="dlg-foot">{props.footer}</div>
      </Show>
    </>
  );

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      style={props.width ? { "--dialog-w": `${props.width}px` } : undefined}
      onCancel={cancel}
      onKeyDown={(event) => event.stopPropagation()}
      onPointerDown={(event) => {
        if (event.target === dialog) cancel(event);
      }}
    >
      <Show when={props.onSubmit} fallback={content()}>
        <form
          novalidate
          onSubmit={(event) => {
            event.preventDefault();
            props.onSubmit?.();
          }}
        >
          {content()}
        </form>
      </Show>
    </dialog>
  );
}
