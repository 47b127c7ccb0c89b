/** What to paste into Proxmox so that it tells Pulse by itself. The server says the lines; nothing is made up here. */
import { createResource, createSignal, For, Show, type JSX } from "solid-js";
import { errorText } from "@/api/client";
import { pushSetup } from "@/api/settings";
import { Button } from "@/components/Button";
import { Code } from "@/components/Copy";
import { readPush, type PushPart } from "./push";

function Part(props: { part: PushPart; deep: boolean }): JSX.Element {
  const p = () => props.part;
  return (
    <>
      <Show when={p().title}>
        <Show when={props.deep} fallback={<h3>{p().title}</h3>}>
          <h4 class="muted">{p().title}</h4>
        </Show>
      </Show>
      <For each={p().words}>{(text) => <p class="muted">{text}</p>}</For>
      <For each={p().lines}>{(line) => <Code text={line} />}</For>
      <Show when={p().fields.length > 0}>
        <dl class="facts">
          <For each={p().fields}>
            {([name, value]) => (
              <div>
                <dt>{name}</dt>
                <dd class="mono">{value}</dd>
              </div>
            )}
          </For>
        </dl>
      </Show>
      <For each={p().parts}>{(part) => <Part part={part} deep />}</For>
    </>
  );
}

export function PushSection() {
  const [open, setOpen] = createSignal(false);
  const [setup, { refetch }] = createResource(open, async (want) =>
    want ? readPush(await pushSetup()) : [],
  );
  return (
    <section class="extra" aria-labelledby="push-title">
      <div class="extra-h">
        <h2 id="push-title">Let Proxmox push</h2>
        <span class="muted">Figures between polls, and events such as a failed backup at once</span>
        <span class="spacer" />
        <Button aria-expanded={open()} onClick={() => setOpen(!open())}>
          {open() ? "Hide the lines" : "Show the lines to paste"}
        </Button>
      </div>
      <Show when={open()}>
        <div class="push">
          <Show
            when={!setup.error}
            fallback={
              <p role="alert" data-tone="critical">
                The lines could not be read: {errorText(setup.error)}{" "}
                <button type="button" class="linkish" onClick={() => void refetch()}>
                  Try again
                </button>
              </p>
            }
          >
            <Show when={!setup.loading} fallback={<i class="sk" style={{ width: "320px" }} />}>
              <For each={setup()} fallback={<p class="muted">The server offers nothing to paste.</p>}>
                {(part) => <Part part={part} deep={false} />}
              </For>
            </Show>
          </Show>
        </div>
      </Show>
    </section>
  );
}
