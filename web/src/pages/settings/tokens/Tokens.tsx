import { createMemo, createResource, createSignal, For, Match, Show, Switch } from "solid-js";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import type { ApiToken } from "@/api/types";
import { Button } from "@/components/Button";
import { Code } from "@/components/Copy";
import { Dialog } from "@/components/Dialog";
import { Check, TextField } from "@/components/Field";
import { createMedia } from "@/components/media";
import { Badge, Note, Status } from "@/components/Status";
import { toast } from "@/components/toast";
import { Age } from "@/components/Values";
import { absolute, plural } from "@/format/format";
import { live } from "@/live/live";
import { mayRead } from "@/session/session";

const SCOPES: { group: string; scopes: [scope: string, help: string][] }[] = [
  {
    group: "Monitoring",
    scopes: [
      ["monitoring:read", "read state, charts and backups"],
      ["monitoring:write", "acknowledge alerts, change links and notes"],
    ],
  },
  {
    group: "Agents",
    scopes: [
      ["push:report", "send Proxmox's metrics and notifications"],
      ["host-agent:report", "report a host"],
      ["host-agent:manage", "change and remove host agents"],
      ["docker:report", "report containers"],
      ["docker:manage", "act on containers"],
      ["kubernetes:report", "report a cluster"],
      ["kubernetes:manage", "act on a cluster"],
    ],
  },
  {
    group: "Settings",
    scopes: [
      ["settings:read", "read the configuration"],
      ["settings:write", "change the configuration"],
    ],
  },
];

const PRESETS: { name: string; help: string; scopes: string[] }[] = [
  { name: "Dashboard", help: "a wall display or Homepage", scopes: ["monitoring:read"] },
  {
    name: "Agent",
    help: "reports a host with its containers",
    scopes: ["docker:report", "host-agent:report", "kubernetes:report"],
  },
  {
    name: "Automation",
    help: "reads state, handles alerts",
    scopes: ["monitoring:read", "monitoring:write"],
  },
  {
    name: "Administrator",
    help: "reads and changes settings",
    scopes: ["monitoring:read", "settings:read", "settings:write"],
  },
];

/** Hosts that report with this token: revoking it would silence them. */
function usedBy(token: ApiToken): string[] {
  return live
    .hosts()
    .filter((row) => (row.raw.tokenId ? row.raw.tokenId === token.id : row.raw.tokenName === token.name))
    .map((row) => row.name);
}

function CreateDialog(props: { onClose: () => void; onCreated: () => void }) {
  const [name, setName] = createSignal("");
  const [scopes, setScopes] = createSignal<string[]>(["monitoring:read"]);
  const [expiry, setExpiry] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  const [secret, setSecret] = createSignal("");
  const [stored, setStored] = createSignal(false);
  const same = (preset: string[]) => [...preset].sort().join() === [...scopes()].sort().join();
  const toggle = (scope: string, on: boolean) =>
    setScopes((all) => (on ? [...all, scope] : all.filter((s) => s !== scope)));
  const create = async () => {
    if (secret()) {
      props.onClose();
      return;
    }
    if (scopes().length === 0) {
      setFailure("Choose at least one right.");
      return;
    }
    setBusy(true);
    setFailure("");
    try {
      const created = await api.createToken(
        name().trim() || "API token",
        scopes(),
        expiry() ? new Date(`${expiry()}T23:59:59`).toISOString() : undefined,
      );
      setSecret(created.token);
      props.onCreated();
    } catch (error) {
      setFailure(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={secret() ? `Token ${name() || "API token"}` : "New API token"}
      width={560}
      onClose={props.onClose}
      mayClose={() => !secret() || stored()}
      onSubmit={() => void create()}
      footer={
        <Show
          when={secret()}
          fallback={
            <>
              <span class="spacer" />
              <Button kind="ghost" onClick={props.onClose}>
                Cancel
              </Button>
              <Button kind="primary" type="submit" pending={busy()}>
                Create token
              </Button>
            </>
          }
        >
          <Check checked={stored()} onChange={setStored}>
            I have stored it
          </Check>
          <span class="spacer" />
          <Button kind="primary" disabled={!stored()} onClick={props.onClose}>
            Done
          </Button>
        </Show>
      }
    >
      <Show
        when={!secret()}
        fallback={
          <>
            <p class="text-fg-2">This is the only time the token is shown. Copy it now.</p>
            <Code text={secret()} />
            <span class="help">Send it as X-API-Token or as Authorization: Bearer.</span>
          </>
        }
      >
        <TextField label="Name" value={name()} onInput={setName} placeholder="What uses it" autofocus />
        <div class="field">
          <span class="label">Rights</span>
          <div class="flex flex-wrap gap-1" role="group" aria-label="Presets">
            <For each={PRESETS}>
              {(preset) => (
                <button
                  type="button"
                  class="chip"
                  style={{
                    "box-shadow": same(preset.scopes) ? undefined : "inset 0 0 0 1px var(--line-strong)",
                  }}
                  aria-pressed={same(preset.scopes)}
                  title={preset.help}
                  onClick={() => setScopes(preset.scopes)}
                >
                  {preset.name}
                </button>
              )}
            </For>
          </div>
        </div>
        <div class="grid gap-2">
          <For each={SCOPES}>
            {(group) => (
              <fieldset>
                <legend class="help">{group.group}</legend>
                <div class="form-2" style={{ gap: "0 12px" }}>
                  <For each={group.scopes}>
                    {([scope, help]) => (
                      <Check checked={scopes().includes(scope)} onChange={(on) => toggle(scope, on)}>
                        <span class="mono" title={help}>
                          {scope}
                        </span>
                      </Check>
                    )}
                  </For>
                </div>
              </fieldset>
            )}
          </For>
        </div>
        <TextField
          label="Expires on"
          type="date"
          value={expiry()}
          onInput={setExpiry}
          help="Empty: it does not expire."
        />
        <Show when={failure()}>
          <Note level="critical" role="alert">
            {failure()}
          </Note>
        </Show>
      </Show>
    </Dialog>
  );
}

function RevokeDialog(props: { token: ApiToken; onClose: () => void; onDone: () => void }) {
  const [busy, setBusy] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  const users = createMemo(() => usedBy(props.token));
  const go = async () => {
    setBusy(true);
    try {
      await api.revokeToken(props.token.id);
      toast({ level: "ok", title: `Token ${props.token.name} revoked` });
      props.onDone();
    } catch (error) {
      setFailure(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Revoke ${props.token.name}?`}
      onClose={props.onClose}
      onSubmit={() => void go()}
      footer={
        <>
          <span class="spacer" />
          <Button kind="ghost" onClick={props.onClose}>
            Keep it
          </Button>
          <Button kind="danger" type="submit" pending={busy()}>
            Revoke
          </Button>
        </>
      }
    >
      <p class="text-fg-2">
        Whatever uses <span class="mono">{hint(props.token)}</span> is refused from now on. This cannot be
        undone.
      </p>
      <Show
        when={users().length > 0}
        fallback={
          <p class="muted">
            {props.token.lastUsedAt ? (
              <>
                Last used <Age at={Date.parse(props.token.lastUsedAt)} />. No host reports with it now.
              </>
            ) : (
              "It was never used."
            )}
          </p>
        }
      >
        <Note level="warning">
          {plural(users().length, "host")} will fall silent: {users().join(", ")}.
        </Note>
      </Show>
      <Show when={failure()}>
        <Note level="critical" role="alert">
          {failure()}
        </Note>
      </Show>
    </Dialog>
  );
}

const hint = (token: ApiToken) => `${token.prefix}…${token.suffix}`;
const full = (token: ApiToken) => token.scopes.includes("*");

function Scopes(props: { token: ApiToken }) {
  return (
    <Show
      when={!full(props.token)}
      fallback={
        <Badge level="warning" title="It may do everything. Prefer tokens with only the rights they need.">
          full access
        </Badge>
      }
    >
      <span class="muted text-xs mono trunc" title={props.token.scopes.join("\n")}>
        {props.token.scopes.join(" ")}
      </span>
    </Show>
  );
}

export default function Tokens() {
  const [list, { refetch }] = createResource(async () => (await api.tokens()).tokens);
  const [creating, setCreating] = createSignal(false);
  const [revoking, setRevoking] = createSignal<ApiToken>();
  const phone = createMedia("(width < 860px)");
  const write = () => mayRead("settings:write");
  const expired = (token: ApiToken) =>
    token.expiresAt !== undefined && Date.parse(token.expiresAt) < Date.now();
  const revoke = (token: ApiToken) => (
    <Show when={write()}>
      <Button size="sm" kind="ghost" aria-label={`Revoke ${token.name}`} onClick={() => setRevoking(token)}>
        Revoke
      </Button>
    </Show>
  );
  const usage = (token: ApiToken) => {
    const users = usedBy(token);
    return users.length > 0 ? users.join(", ") : "—";
  };
  return (
    <>
      <div class="ph">
        <div class="ph-text">
          <h1>API tokens</h1>
          <p>
            For agents, dashboards and scripts. A token has only the rights you give it, and its secret is
            shown once.
          </p>
        </div>
        <Show when={write()}>
          <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
            New token
          </Button>
        </Show>
      </div>
      <div class="scroll flex-1" style={{ "overflow-x": "hidden" }}>
        <Switch>
          <Match when={list.error}>
            <div class="empty" role="alert">
              <h2>The tokens could not be read</h2>
              <p>{errorText(list.error)}</p>
              <div class="row">
                <Button kind="primary" onClick={() => void refetch()}>
                  Try again
                </Button>
              </div>
            </div>
          </Match>
          <Match when={list.latest === undefined}>
            <div class="p-6 grid gap-4" role="status" aria-label="Loading">
              <For each={[260, 320, 240]}>{(w) => <i class="sk" style={{ width: `${w}px` }} />}</For>
            </div>
          </Match>
          <Match when={list.latest?.length === 0}>
            <div class="empty">
              <h2>No tokens yet</h2>
              <p>
                Agents get theirs when their install command is made. Make one here for a dashboard or a
                script.
              </p>
            </div>
          </Match>
          <Match when={list.latest} keyed>
            {(tokens) => (
              <Show
                when={!phone()}
                fallback={
                  <For each={tokens}>
                    {(token) => (
                      <div class="li" style={{ "grid-template-columns": "minmax(0, 1fr) auto" }}>
                        <b class="trunc">{token.name}</b>
                        {revoke(token)}
                        <span class="d" style={{ "grid-column": "1 / -1" }}>
                          <span class="mono">{hint(token)}</span> · <Scopes token={token} />
                        </span>
                        <span class="d" style={{ "grid-column": "1 / -1" }}>
                          {token.lastUsedAt ? (
                            <>
                              used <Age at={Date.parse(token.lastUsedAt)} />
                            </>
                          ) : (
                            "never used"
                          )}
                        </span>
                      </div>
                    )}
                  </For>
                }
              >
                <table class="grid-table sn" aria-label="API tokens">
                  <colgroup>
                    <col />
                    <col style={{ width: "132px" }} />
                    <col style={{ width: "32%" }} />
                    <col style={{ width: "15%" }} />
                    <col style={{ width: "104px" }} />
                    <col style={{ width: "104px" }} />
                    <col style={{ width: "96px" }} />
                  </colgroup>
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col">Token</th>
                      <th scope="col">Rights</th>
                      <th scope="col">Reports</th>
                      <th scope="col" class="num">
                        Created
                      </th>
                      <th scope="col" class="num">
                        Last used
                      </th>
                      <th scope="col">
                        <span class="sr">Actions</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    <For each={tokens}>
                      {(token) => (
                        <tr data-row="token" data-id={token.id} data-muted={expired(token) ? "" : undefined}>
                          <th scope="row" class="trunc">
                            <span class="nm">{token.name}</span>
                            <Show when={token.expiresAt} keyed>
                              {(at) => (
                                <small title={absolute(new Date(at))}>
                                  {expired(token) ? "expired" : `until ${at.slice(0, 10)}`}
                                </small>
                              )}
                            </Show>
                          </th>
                          <td class="mono muted">{hint(token)}</td>
                          <td class="trunc">
                            <Scopes token={token} />
                          </td>
                          <td class="muted trunc" title={usage(token)}>
                            {usage(token)}
                          </td>
                          <td class="num muted">
                            <Age at={Date.parse(token.createdAt)} />
                          </td>
                          <td class="num muted">
                            <Show when={token.lastUsedAt} keyed fallback="never">
                              {(at) => <Age at={Date.parse(at)} />}
                            </Show>
                          </td>
                          <td class="num">{revoke(token)}</td>
                        </tr>
                      )}
                    </For>
                  </tbody>
                </table>
              </Show>
            )}
          </Match>
        </Switch>
        <Show when={!list.error && list.latest?.some(full)}>
          <p class="row muted p-6">
            <Status level="notice" decorative />
            Tokens with full access can change everything. Replace them with ones that have only the rights
            they need.
          </p>
        </Show>
      </div>
      <Show when={creating()}>
        <CreateDialog onClose={() => setCreating(false)} onCreated={() => void refetch()} />
      </Show>
      <Show when={revoking()} keyed>
        {(token) => (
          <RevokeDialog
            token={token}
            onClose={() => setRevoking(undefined)}
            onDone={() => {
              setRevoking(undefined);
              void refetch();
            }}
          />
        )}
      </Show>
    </>
  );
}
