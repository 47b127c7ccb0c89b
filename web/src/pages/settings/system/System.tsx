/** System settings: one form, saved as the few keys that changed. */
import { useBeforeLeave } from "@solidjs/router";
import { createSignal, createUniqueId, For, onCleanup, onMount, Show } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { errorText } from "@/api/client";
import { saveSystemSettings, systemSettings, type SystemSettings } from "@/api/settings";
import { Asking } from "@/components/Asking";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Icon } from "@/components/Icon";
import { Note } from "@/components/Status";
import { toast } from "@/components/toast";
import { plural } from "@/format/format";
import { createAsked } from "@/live/asked";
import { mayRead } from "@/session/session";
import { asSent, asTyped, GROUPS, lockedBy, problem, type Draft, type Setting } from "./fields";

const ALL = GROUPS.flatMap((g) => g.settings);

function Row(props: {
  setting: Setting;
  settings: SystemSettings;
  value: string | boolean;
  changed: boolean;
  error: string;
  disabled: boolean;
  onChange: (value: string | boolean) => void;
}) {
  const id = createUniqueId();
  const s = props.setting;
  const lock = () => lockedBy(s, props.settings);
  const off = () => props.disabled || lock() !== "";
  const help = () =>
    props.error ||
    (lock() ? `Held by ${lock()}; change it in the environment of the server.` : s.help) +
      (s.kind === "number" && !lock()
        ? `. ${s.min} to ${s.max} ${s.unit}${s.zero ? `, 0: ${s.zero}` : ""}`
        : "");
  return (
    <div class="set-row" data-changed={props.changed ? "" : undefined}>
      <label for={id}>
        {s.label}
        <Show when={lock()}>
          <Icon name="lock" small />
        </Show>
      </label>
      <Show
        when={s.kind === "switch"}
        fallback={
          <span
            class="input"
            data-invalid={props.error ? "" : undefined}
            data-short={s.kind === "text" ? undefined : ""}
          >
            <Show
              when={s.kind === "choice"}
              fallback={
                <input
                  id={id}
                  type="text"
                  inputmode={s.kind === "number" ? "numeric" : undefined}
                  value={String(props.value)}
                  placeholder={s.kind === "text" ? s.placeholder : undefined}
                  disabled={off()}
                  spellcheck={false}
                  autocomplete="off"
                  aria-invalid={props.error ? "true" : undefined}
                  aria-describedby={`${id}-help`}
                  onInput={(e) => props.onChange(e.currentTarget.value)}
                />
              }
            >
              <select
                id={id}
                disabled={off()}
                aria-describedby={`${id}-help`}
                onChange={(e) => props.onChange(e.currentTarget.value)}
              >
                <For each={s.kind === "choice" ? s.options : []}>
                  {(o) => (
                    <option value={o} selected={o === props.value}>
                      {o}
                    </option>
                  )}
                </For>
              </select>
            </Show>
            <Show when={s.kind === "number"}>
              <span class="muted">{s.kind === "number" ? s.unit : ""}</span>
            </Show>
          </span>
        }
      >
        <span class="check">
          <input
            id={id}
            type="checkbox"
            checked={props.value === true}
            disabled={off()}
            aria-describedby={`${id}-help`}
            onChange={(e) => props.onChange(e.currentTarget.checked)}
          />
        </span>
      </Show>
      <span class="help" id={`${id}-help`} data-error={props.error ? "" : undefined}>
        {help()}
      </span>
    </div>
  );
}

function Form(props: { settings: () => SystemSettings; reload: () => Promise<void> }) {
  const [draft, setDraft] = createStore<Draft>({});
  const [saving, setSaving] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  const [leaving, setLeaving] = createSignal<() => void>();
  const write = () => mayRead("settings:write");
  const typed = (s: Setting) => draft[s.key] ?? asTyped(s, props.settings());
  const changed = (s: Setting) => draft[s.key] !== undefined && draft[s.key] !== asTyped(s, props.settings());
  const changes = () => ALL.filter(changed);
  const wrong = () => changes().filter((s) => problem(s, typed(s)) !== "");
  const discard = () => {
    setDraft(reconcile({}));
    setFailure("");
  };
  const save = async () => {
    if (wrong().length > 0 || changes().length === 0) return;
    setSaving(true);
    setFailure("");
    try {
      const count = changes().length;
      await saveSystemSettings(Object.fromEntries(changes().map((s) => [s.key, asSent(s, typed(s))])));
      await props.reload();
      discard();
      toast({ level: "ok", title: `${plural(count, "setting")} saved` });
    } catch (error) {
      setFailure(errorText(error));
    } finally {
      setSaving(false);
    }
  };
  useBeforeLeave((event) => {
    if (changes().length === 0 || event.defaultPrevented) return;
    event.preventDefault();
    setLeaving(() => () => event.retry(true));
  });
  const warn = (event: BeforeUnloadEvent) => {
    if (changes().length > 0) event.preventDefault();
  };
  onMount(() => window.addEventListener("beforeunload", warn));
  onCleanup(() => window.removeEventListener("beforeunload", warn));
  return (
    <form
      class="set-form"
      novalidate
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      <For each={GROUPS}>
        {(group) => (
          <section aria-label={group.title}>
            <h2>{group.title}</h2>
            <Show when={group.about}>
              <p class="muted">{group.about}</p>
            </Show>
            <For each={group.settings}>
              {(s) => (
                <Row
                  setting={s}
                  settings={props.settings()}
                  value={typed(s)}
                  changed={changed(s)}
                  error={changed(s) ? problem(s, typed(s)) : ""}
                  disabled={!write()}
                  onChange={(value) => setDraft(s.key, value)}
                />
              )}
            </For>
          </section>
        )}
      </For>
      <Show when={changes().length > 0 || failure()}>
        <div class="set-bar" role="status">
          <Show when={failure()} fallback={<span>{plural(changes().length, "change")} not saved</span>}>
            <Note level="critical" role="alert">
              Nothing was saved: {failure()}
            </Note>
          </Show>
          <span class="spacer" />
          <Button kind="ghost" onClick={discard}>
            Discard
          </Button>
          <Button kind="primary" type="submit" pending={saving()} disabled={wrong().length > 0}>
            Save
          </Button>
        </div>
      </Show>
      <Show when={leaving()}>
        {(go) => (
          <Dialog
            title="Leave without saving?"
            onClose={() => setLeaving(undefined)}
            footer={
              <>
                <span class="spacer" />
                <Button kind="ghost" onClick={() => setLeaving(undefined)}>
                  Stay
                </Button>
                <Button
                  kind="danger"
                  onClick={() => {
                    const leave = go();
                    setLeaving(undefined);
                    discard();
                    leave();
                  }}
                >
                  Leave
                </Button>
              </>
            }
          >
            <p class="text-fg-2">{plural(changes().length, "change")} would be lost.</p>
          </Dialog>
        )}
      </Show>
    </form>
  );
}

export default function System() {
  const asked = createAsked(() => "settings/system", systemSettings, { every: 3_600_000 });
  return (
    <>
      <div class="ph">
        <div class="ph-text">
          <h1>System</h1>
          <p>Settings of this server. Only what you change is saved.</p>
        </div>
      </div>
      <div class="scroll flex-1">
        <Asking asked={asked} what="The settings">
          {(settings) => <Form settings={settings} reload={asked.again} />}
        </Asking>
      </div>
    </>
  );
}
