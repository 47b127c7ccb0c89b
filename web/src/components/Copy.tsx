import { createSignal, type JSX } from "solid-js";
import { Button } from "./Button";
import { Icon } from "./Icon";
import { toast } from "./toast";

/** Also works without a secure context (plain http on a LAN), where navigator.clipboard does not exist. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function createCopied() {
  const [copied, setCopied] = createSignal(false);
  const copy = async (text: string) => {
    if (await copyText(text)) {
      setCopied(true);
      setTimeout(() => setCopied(false), 1_600);
    } else
      toast({
        level: "warning",
        title: "Copying was refused",
        detail: "Select the text and copy it by hand.",
      });
  };
  return [copied, copy] as const;
}

/** A value that copies itself: ids, addresses, paths. */
export function Copyable(props: { text: string; label: string; children?: JSX.Element; mono?: boolean }) {
  const [copied, copy] = createCopied();
  return (
    <button
      type="button"
      class={`copyable ${(props.mono ?? true) ? "mono" : ""}`}
      title={`Copy ${props.label}`}
      onClick={() => void copy(props.text)}
    >
      <span class="trunc">{props.children ?? props.text}</span>
      <Icon name={copied() ? "check" : "copy"} small />
      <span class="sr" aria-live="polite">
        {copied() ? "Copied" : ""}
      </span>
    </button>
  );
}

/** A command with a copy button. */
export function Code(props: { text: string; shown?: string }) {
  const [copied, copy] = createCopied();
  return (
    <div class="code">
      <code>{props.shown ?? props.text}</code>
      <Button
        size="sm"
        icon={copied() ? "check" : "copy"}
        onClick={() => void copy(props.text)}
        aria-live="polite"
      >
        {copied() ? "Copied" : "Copy"}
      </Button>
    </div>
  );
}
