/** What to paste into Proxmox so that it tells Pulse by itself. The server says the lines; nothing is made up here. */
import { A } from "@solidjs/router";
import { createResource, createSignal, For, Show } from "solid-js";
import { errorText } from "@/api/client";
import { pushSetup } from "@/api/settings";
import { Button } from "@/components/Button";
import { Code } from "@/components/Copy";
import { readPush, type PushTarget } from "./push";

function Target(props: { target: PushTarget }) {
  const t = () => props.target;
  return (
    <div class="push-t">
      <h4>{t().title}</h4>
      <For each={t().commands}>{(line) => <Code text={line} />}</For>
      <Show when={t().fields.length > 0}>
        <details>
          <summary class="text-accent cursor-pointer w-fit">In Proxmox's own pages</summary>
          <p class="muted pt-1">{t().path}</p>
          <dl class="facts">
            <For each={t().fields}>
              {([name, value]) => (
                <div>
                  <dt>{name}</dt>
                  <dd class="mono">{value}</dd>
                </div>
              )}
            </For>
          </dl>
        </details>
      </Show>
    </div>
  );
}

export function PushSection() {
  const [open, setOpen] = createSignal(false);
  const [setup, { refetch }] = createResource(
    () => open() || undefined,
    async () => readPush(await pushSetup()),
  );
  const none = () => setup()?.metricServers.length === 0 && setup()?.webhooks.length === 0;
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
            <Show when={setup.latest} fallback={<i class="sk" style={{ width: "320px" }} />}>
              {(s) => (
                <>
                  <Show when={none()}>
                    <p class="muted">Connect a server first; then its lines stand here.</p>
                  </Show>
                  <Show when={!none() && s().placeholder}>
                    <p>
                      Make an{" "}
                      <A class="text-accent underline" href="/settings/tokens">
                        API token
                      </A>{" "}
                      with the scope <span class="mono">{s().scope}</span> only, and put it in the place of{" "}
                      <span class="mono">{s().placeholder}</span>.
                    </p>
                  </Show>
                  <Show when={s().metricServers.length > 0}>
                    <h3>Metric server: figures of guests and nodes</h3>
                    <For each={s().metricServers}>{(target) => <Target target={target} />}</For>
                  </Show>
                  <Show when={s().webhooks.length > 0}>
                    <h3>Notifications: events that make Pulse look at once</h3>
                    <For each={s().webhooks}>{(target) => <Target target={target} />}</For>
                  </Show>
                  <Show when={s().listeners.length > 0}>
                    <h3>Ports without a login</h3>
                    <p class="muted">{s().listenersHint}</p>
                    <dl class="facts">
                      <For each={s().listeners}>
                        {([name, address]) => (
                          <div>
                            <dt>{name}</dt>
                            <dd class={address ? "mono" : "muted"}>{address || "off"}</dd>
                          </div>
                        )}
                      </For>
                    </dl>
                  </Show>
                </>
              )}
            </Show>
          </Show>
        </div>
      </Show>
    </section>
  );
}
