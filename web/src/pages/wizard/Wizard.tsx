/** First run: unlock, account, a first source, and then see its data arrive. */
import { createMemo, createSignal, For, Match, Show, Switch } from "solid-js";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import { Button } from "@/components/Button";
import { Code, copyText } from "@/components/Copy";
import { Check, TextField } from "@/components/Field";
import { Icon, Logo, type IconName } from "@/components/Icon";
import { createNodeForm } from "@/components/node-form/form";
import { NodeFieldsView, TestResultView } from "@/components/node-form/NodeForm";
import { Note, Status } from "@/components/Status";
import { clock, plural } from "@/format/format";
import { live } from "@/live/live";
import InstallAgent from "../hosts/InstallAgent";
import { versionOf } from "@/model/node";
import { attention } from "../overview/attention";
import { enter, status } from "@/session/session";
import { makePassphrase } from "./passphrase";

const MIN_PASSWORD = 12;

const STEPS = [
  ["Unlock", "prove this server is yours"],
  ["Account", "who signs in"],
  ["Connect", "first source"],
  ["Data arrives", "check what Pulse sees"],
] as const;

/** The command that prints the token, for the way this server runs. */
function tokenCommand(): { where: string; command: string } {
  const s = status();
  const path = s?.bootstrapTokenPath || "/etc/pulse/.bootstrap_token";
  if (s?.isDocker)
    return {
      where: "Pulse runs in a container. On its host:",
      command: `docker exec ${s.dockerContainerName || "pulse"} cat ${path}`,
    };
  if (s?.lxcCtid)
    return {
      where: "Pulse runs in an LXC container. On the Proxmox node:",
      command: `pct exec ${s.lxcCtid} -- cat ${path}`,
    };
  return { where: "On the machine that runs Pulse:", command: `sudo cat ${path}` };
}

function Unlock(props: { onDone: (token: string) => void }) {
  const [token, setToken] = createSignal("");
  const [error, setError] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const source = createMemo(tokenCommand);
  const submit = async (event: Event) => {
    event.preventDefault();
    const value = token().trim();
    if (!value) {
      setError("Paste the token here.");
      return;
    }
    setBusy(true);
    setError("");
    try {
      await api.validateBootstrapToken(value);
      props.onDone(value);
    } catch (e) {
      setError(errorText(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="contents" onSubmit={(event) => void submit(event)} novalidate>
      <h1>Unlock set-up</h1>
      <p class="lead">
        The server wrote a one-time token at its first start. Read it there and paste it here.
      </p>
      <div class="field">
        <span class="label">{source().where}</span>
        <Code text={source().command} />
        <span class="help">
          Or run <span class="mono">pulse bootstrap-token</span> there. The token is also printed once in the
          log.
        </span>
      </div>
      <TextField
        label="Set-up token"
        value={token()}
        onInput={setToken}
        error={error()}
        mono
        large
        autofocus
        autocomplete="one-time-code"
        help={token().trim() ? `${token().trim().length} of 48 characters` : "48 characters"}
      />
      <div class="row flex-wrap">
        <Button kind="primary" size="lg" type="submit" pending={busy()}>
          Unlock
        </Button>
        <span class="muted">Nothing else answers until this is done.</span>
      </div>
    </form>
  );
}

function Account(props: { token: string; onDone: () => void; onBack: () => void }) {
  const [name, setName] = createSignal("admin");
  const [password, setPassword] = createSignal(makePassphrase());
  const [own, setOwn] = createSignal(false);
  const [stored, setStored] = createSignal(false);
  const [copied, setCopied] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [error, setError] = createSignal("");
  const long = () => password().length >= MIN_PASSWORD;

  const download = () => {
    const text = `Pulse at ${location.origin}\nUser name: ${name()}\nPassword: ${password()}\n`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = "pulse-credentials.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  };

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!name().trim()) {
      setError("The user name is missing.");
      return;
    }
    if (!long()) {
      setError(`The password needs at least ${MIN_PASSWORD} characters.`);
      return;
    }
    if (!own() && !stored()) {
      setError("Store the password first: it is not shown again.");
      return;
    }
    setBusy(true);
    setError("");
    try {
      await api.quickSetup(props.token, name().trim(), password());
      await api.login(name().trim(), password(), false);
      props.onDone();
    } catch (e) {
      setError(errorText(e));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form class="contents" onSubmit={(event) => void submit(event)} novalidate>
      <h1>Make the first account</h1>
      <p class="lead">It can do everything. Others can be added later, by hand or through single sign-on.</p>
      <TextField
        label="User name"
        name="username"
        value={name()}
        onInput={setName}
        autocomplete="username"
        large
      />
      <TextField
        label="Password"
        name="password"
        value={password()}
        onInput={(value) => {
          setPassword(value);
          setOwn(true);
        }}
        mono
        large
        autocomplete="new-password"
        help={
          <span class="row" style={{ gap: "6px" }}>
            <Status level={long() ? "ok" : "warning"} decorative />
            {plural(password().length, "character")}. At least {MIN_PASSWORD} are needed; pasting works.
          </span>
        }
        trailing={
          <>
            <Button
              size="sm"
              kind="ghost"
              icon="refresh"
              onClick={() => {
                setPassword(makePassphrase());
                setOwn(false);
                setCopied(false);
              }}
            >
              Another
            </Button>
            <Button
              size="sm"
              kind="ghost"
              icon={copied() ? "check" : "copy"}
              onClick={() => void copyText(password()).then(setCopied)}
            >
              {copied() ? "Copied" : "Copy"}
            </Button>
          </>
        }
      />
      <div class="row flex-wrap" style={{ gap: "4px 16px" }}>
        <Check checked={stored()} onChange={setStored}>
          I have stored this password; it is not shown again
        </Check>
        <button type="button" class="linkish" onClick={download}>
          Download as a text file
        </button>
      </div>
      <Show when={error()}>
        <Note level="critical" role="alert">
          {error()}
        </Note>
      </Show>
      <div class="row">
        <Button kind="primary" size="lg" type="submit" pending={busy()}>
          Create account
        </Button>
        <Button kind="ghost" size="lg" onClick={props.onBack}>
          Back
        </Button>
      </div>
    </form>
  );
}

type Source = "proxmox" | "agent" | "demo";
const SOURCES: { value: Source; icon: IconName; title: string; text: string }[] = [
  {
    value: "proxmox",
    icon: "pve",
    title: "Proxmox",
    text: "A Proxmox VE server or cluster, over its API",
  },
  {
    value: "agent",
    icon: "host",
    title: "A machine",
    text: "One command installs the agent on a Linux machine",
  },
  { value: "demo", icon: "play", title: "Demo data", text: "An invented estate, to look around first" },
];

function Connect(props: { onDone: (source: Source) => void; onSkip: () => void }) {
  const [source, setSource] = createSignal<Source>("proxmox");
  const [busy, setBusy] = createSignal(false);
  const [error, setError] = createSignal("");
  const [tokenMade, setTokenMade] = createSignal(false);
  const form = createNodeForm();

  const go = async (event: Event) => {
    event.preventDefault();
    setError("");
    if (source() === "proxmox") {
      if (form.fields.auth === "command") {
        props.onDone("proxmox");
        return;
      }
      if (form.test().state !== "ok") {
        await form.runTest();
        if (form.test().state !== "ok") return;
      }
      if (await form.save()) props.onDone("proxmox");
      return;
    }
    if (source() === "agent") {
      props.onDone("agent");
      return;
    }
    setBusy(true);
    try {
      await api.setMockMode(true);
      props.onDone("demo");
    } catch (e) {
      setError(errorText(e));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form class="contents" onSubmit={(event) => void go(event)} novalidate>
      <h1>Connect a first source</h1>
      <p class="lead">One is enough to begin. Every other kind can follow at any time.</p>
      <div class="choices" role="radiogroup" aria-label="Kind of source">
        <For each={SOURCES}>
          {(item) => (
            <label class="choice">
              <input
                class="sr"
                type="radio"
                name="source"
                checked={source() === item.value}
                onChange={() => setSource(item.value)}
              />
              <Icon name={item.icon} />
              <b>{item.title}</b>
              <span>{item.text}</span>
            </label>
          )}
        </For>
      </div>
      <Switch>
        <Match when={source() === "proxmox"}>
          <NodeFieldsView form={form} />
          <Show when={form.test().state !== "idle"}>
            <div
              class="dlg-aside"
              style={{ border: "1px solid var(--line-strong)", "border-radius": "var(--r-4)" }}
            >
              <TestResultView form={form} />
            </div>
          </Show>
        </Match>
        <Match when={source() === "agent"}>
          <InstallAgent onToken={() => setTokenMade(true)} />
        </Match>
        <Match when={source() === "demo"}>
          <Note>
            Four nodes with 150 guests, hosts and storage that do not exist. Switch it off again in Settings →
            Proxmox when you connect something real.
          </Note>
        </Match>
      </Switch>
      <Show when={error()}>
        <Note level="critical" role="alert">
          {error()}
        </Note>
      </Show>
      <div class="row flex-wrap">
        <Button
          kind="primary"
          size="lg"
          type="submit"
          pending={busy() || form.saving() || form.test().state === "testing"}
          disabled={source() === "agent" && !tokenMade()}
        >
          {source() === "demo"
            ? "Use demo data"
            : source() === "agent" || form.fields.auth === "command"
              ? "I have run it"
              : form.test().state === "ok"
                ? "Connect"
                : "Test and connect"}
        </Button>
        <span class="spacer" />
        <Button kind="ghost" size="lg" onClick={props.onSkip}>
          Skip for now
        </Button>
      </div>
    </form>
  );
}

interface Arrival {
  at: number;
  name: string;
  what: string;
  level: "ok" | "critical";
}

function Arrives(props: { onBack: () => void; onOpen: () => void }) {
  const seen = new Map<string, number>();
  const arrivals = createMemo<Arrival[]>(() => {
    live.tick();
    const list: Arrival[] = [];
    const note = (id: string, name: string, what: string, ok: boolean) => {
      if (!seen.has(id)) seen.set(id, Date.now());
      list.push({ at: seen.get(id) ?? 0, name, what, level: ok ? "ok" : "critical" });
    };
    for (const node of live.nodes()) {
      const guests = live.guests().filter((g) => g.instance === node.instance && g.node === node.name).length;
      note(
        `n${node.id}`,
        node.name,
        node.offline ? "does not answer" : `Proxmox VE ${versionOf(node.raw)}, ${plural(guests, "guest")}`,
        !node.offline,
      );
    }
    for (const host of live.hosts())
      note(`h${host.id}`, host.name, `${host.os}, agent ${host.raw.agentVersion ?? ""}`, !host.offline);
    return list.sort((a, b) => a.at - b.at);
  });
  const running = () => live.guests().filter((g) => g.power === "running").length;
  const storages = () => live.storageCount();
  const concerns = createMemo(
    () => (live.tick(), attention(live.nodes(), live.guests(), live.health(), []).concerns),
  );
  return (
    <>
      <h1>{arrivals().length > 0 ? "Data is arriving" : "Waiting for the first data"}</h1>
      <p class="lead" aria-live="polite">
        {arrivals().length > 0
          ? `${arrivals()[0]?.name} answered first. This list goes on by itself.`
          : "The first report takes up to a minute. You can leave this page; nothing is lost."}
      </p>
      <div class="arr">
        <div class="nums">
          <div>
            <b>{live.nodes().length}</b>
            <span>{live.nodes().length === 1 ? "node" : "nodes"}</span>
          </div>
          <div>
            <b>{live.guests().length}</b>
            <span>guests, {running()} running</span>
          </div>
          <div>
            <b>{storages()}</b>
            <span>storages</span>
          </div>
          <div>
            <b>{live.hosts().length}</b>
            <span>hosts with an agent</span>
          </div>
        </div>
        <ul>
          <For each={arrivals().slice(0, 8)}>
            {(item) => (
              <li>
                <time>{clock(new Date(item.at))}</time>
                <Status level={item.level} decorative />
                <b class="font-semibold trunc">{item.name}</b>
                <span class="muted trunc">{item.what}</span>
              </li>
            )}
          </For>
          <Show when={arrivals().length > 8}>
            <li>
              <time />
              <span />
              <span class="muted">and {arrivals().length - 8} more</span>
            </li>
          </Show>
          <Show when={arrivals().length === 0}>
            <li>
              <time>{clock(new Date())}</time>
              <Status level="off" decorative />
              <span class="muted">waiting</span>
              <span class="muted trunc">
                {live.freshness() === "live" ? "connected to Pulse" : "connecting to Pulse"}
              </span>
            </li>
          </Show>
        </ul>
      </div>
      <Show when={concerns().length > 0}>
        <Note level="warning">
          {plural(concerns().length, "thing")} already {concerns().length === 1 ? "deserves" : "deserve"} a
          look:{" "}
          {concerns()
            .slice(0, 3)
            .map((c) => c.title)
            .join(", ")}
          .
        </Note>
      </Show>
      <div class="row flex-wrap">
        <Button kind="primary" size="lg" onClick={props.onOpen}>
          Open Pulse
        </Button>
        <Button size="lg" onClick={props.onBack}>
          Connect another source
        </Button>
      </div>
    </>
  );
}

export default function Wizard() {
  const [step, setStep] = createSignal(0);
  const [token, setToken] = createSignal("");
  let started = false;
  const watch = () => {
    if (!started) live.start(() => {});
    started = true;
    setStep(3);
  };
  const open = async () => {
    history.replaceState(null, "", "/");
    await enter();
  };
  return (
    <div class="wz">
      <aside class="rail">
        <span class="brand">
          <Logo />
          Pulse
        </span>
        <ol class="steps" aria-label="Steps">
          <For each={STEPS}>
            {([title, detail], i) => (
              <li
                aria-current={step() === i() ? "step" : undefined}
                data-done={step() > i() ? "" : undefined}
              >
                <span class="n">
                  <Show when={step() > i()} fallback={i() + 1}>
                    <Icon name="check" small />
                  </Show>
                </span>
                <span>
                  {title}
                  <small>{detail}</small>
                </span>
              </li>
            )}
          </For>
        </ol>
        <span class="spacer" />
        <p class="muted text-xs">
          Everything stays on this server. Pulse talks to nobody but what you connect.
        </p>
      </aside>
      <main class="pane">
        <div>
          <Switch>
            <Match when={step() === 0}>
              <Unlock
                onDone={(value) => {
                  setToken(value);
                  setStep(1);
                }}
              />
            </Match>
            <Match when={step() === 1}>
              <Account token={token()} onDone={() => setStep(2)} onBack={() => setStep(0)} />
            </Match>
            <Match when={step() === 2}>
              <Connect onDone={watch} onSkip={() => void open()} />
            </Match>
            <Match when={step() === 3}>
              <Arrives onBack={() => setStep(2)} onOpen={() => void open()} />
            </Match>
          </Switch>
        </div>
      </main>
    </div>
  );
}
