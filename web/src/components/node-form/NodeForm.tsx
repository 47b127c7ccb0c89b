import { createResource, createSignal, For, Match, Show, Switch } from "solid-js";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import { Button } from "@/components/Button";
import { Code } from "@/components/Copy";
import { Check, TextField } from "@/components/Field";
import { Segmented } from "@/components/Segmented";
import { Note, Status } from "@/components/Status";
import { shortDuration, plural } from "@/format/format";
import { now } from "@/live/clock";
import { PORT, type Auth, type NodeForm } from "./form";

/** One command on the node: it makes the account and registers the node here. */
function OneCommand(props: { form: NodeForm }) {
  const [host, setHost] = createSignal(props.form.fields.host);
  const [asked, setAsked] = createSignal<{ type: string; host: string }>();
  const [command] = createResource(asked, (a) => api.setupCommand(a.type, a.host));
  const left = () => {
    const answer = command.error ? undefined : command();
    return answer ? Math.max(0, answer.expires - now() / 1000) : 0;
  };
  return (
    <>
      <TextField
        label="Address of the node"
        type="url"
        value={host()}
        onInput={setHost}
        placeholder={`https://pve1.lan:${PORT[props.form.fields.type]}`}
        help="As this server reaches it."
      />
      <div class="row">
        <Button
          pending={command.loading}
          disabled={!host().trim()}
          onClick={() => setAsked({ type: props.form.fields.type, host: host().trim() })}
        >
          {asked() ? "Make another command" : "Make the command"}
        </Button>
      </div>
      <Switch>
        <Match when={command.error}>
          <Note level="critical" role="alert">
            {errorText(command.error)}
          </Note>
        </Match>
        <Match when={command()}>
          {(c) => (
            <div class="field">
              <span class="label">Run on the node, as root</span>
              <Code text={c().command} />
              <span class="help">
                <Show when={left() > 0} fallback="This command has expired; make another one.">
                  Creates an account with read rights and a token, then reports back. Works once, for{" "}
                  {shortDuration(left())} more. The node appears in the list by itself.
                </Show>
              </span>
            </div>
          )}
        </Match>
      </Switch>
    </>
  );
}

const MANUAL = {
  pve: [
    "pveum user add pulse@pve",
    "pveum acl modify / --users pulse@pve --roles PVEAuditor",
    "pveum acl modify /storage --users pulse@pve --roles PVEDatastoreAdmin",
    "pveum user token add pulse@pve monitor --privsep 0",
  ],
  pbs: [
    "proxmox-backup-manager user create pulse@pbs",
    "proxmox-backup-manager user generate-token pulse@pbs monitor",
    "proxmox-backup-manager acl update / Audit --auth-id pulse@pbs",
    "proxmox-backup-manager acl update / Audit --auth-id 'pulse@pbs!monitor'",
  ],
} as const;

export function NodeFieldsView(props: { form: NodeForm }) {
  const form = props.form;
  const f = form.fields;
  const auths = (): { value: Auth; label: string }[] =>
    f.type === "pmg"
      ? [{ value: "password", label: "Password" }]
      : [
          // An account that exists already needs no command that makes one.
          ...(form.existing ? [] : [{ value: "command" as const, label: "One command" }]),
          { value: "token", label: "API token" },
          { value: "password", label: "Password" },
        ];
  return (
    <>
      <div class="field">
        <span class="label" aria-hidden="true">
          How to connect
        </span>
        <Segmented
          label="How to connect"
          value={f.auth}
          onChange={(value) => form.set("auth", value)}
          options={auths()}
        />
      </div>
      <Show when={f.auth !== "command"} fallback={<OneCommand form={form} />}>
        <TextField
          label="Address"
          type="url"
          value={f.host}
          onInput={(value) => form.set("host", value)}
          error={form.errors.host}
          placeholder={`https://${f.type}1.lan:${PORT[f.type]}`}
          help={f.type === "pve" ? "Any node of a cluster; the others are found." : undefined}
          autofocus={!form.existing}
        />
        <div class="form-2">
          <TextField
            label="Name"
            value={f.name}
            onInput={(value) => form.set("name", value)}
            error={form.errors.name}
            help={form.existing ? undefined : "Filled from the address"}
          />
          <TextField
            label="Open in browser at"
            type="url"
            value={f.guestURL}
            onInput={(value) => form.set("guestURL", value)}
            error={form.errors.guestURL}
            placeholder="same address"
          />
        </div>
        <Show
          when={f.auth === "token"}
          fallback={
            <div class="form-2">
              <TextField
                label="User"
                value={f.user}
                onInput={(value) => form.set("user", value)}
                error={form.errors.user}
                placeholder={f.type === "pbs" ? "pulse@pbs" : f.type === "pmg" ? "pulse@pmg" : "root@pam"}
                mono
              />
              <TextField
                label="Password"
                type="password"
                icon="lock"
                value={f.password}
                onInput={(value) => form.set("password", value)}
                error={form.errors.password}
                placeholder={form.existing?.hasPassword ? "set; blank keeps it" : undefined}
                autocomplete="new-password"
              />
            </div>
          }
        >
          <div class="form-2">
            <TextField
              label="Token ID"
              value={f.tokenName}
              onInput={(value) => form.set("tokenName", value)}
              error={form.errors.tokenName}
              placeholder={`pulse@${f.type}!monitor`}
              mono
            />
            <TextField
              label="Token secret"
              type="password"
              icon="lock"
              value={f.tokenValue}
              onInput={(value) => form.set("tokenValue", value)}
              error={form.errors.tokenValue}
              placeholder={form.existing?.hasToken ? "set; blank keeps it" : undefined}
              autocomplete="new-password"
            />
          </div>
          <Show when={!form.existing && (f.type === "pve" || f.type === "pbs")}>
            <details>
              <summary class="text-accent cursor-pointer w-fit">Make a token by hand</summary>
              <div class="grid gap-2 pt-2">
                <span class="help">Run these on the node, as root. The last lines print the secret.</span>
                <For each={MANUAL[f.type as "pve" | "pbs"]}>{(line) => <Code text={line} />}</For>
              </div>
            </details>
          </Show>
        </Show>
        <TextField
          label="Certificate fingerprint"
          value={f.fingerprint}
          onInput={(value) => form.set("fingerprint", value)}
          mono
          placeholder="SHA-256, for a self-signed certificate"
          help="With a fingerprint, exactly this certificate is accepted. The test shows the one that is offered."
        />
        <div class="flex flex-wrap gap-x-5">
          <Check checked={f.verifySSL} onChange={(value) => form.set("verifySSL", value)}>
            Check the certificate
          </Check>
          <Show when={f.type === "pve"}>
            <Check checked={f.temperatures} onChange={(value) => form.set("temperatures", value)}>
              Temperatures
            </Check>
            <Check checked={f.backups} onChange={(value) => form.set("backups", value)}>
              Backups
            </Check>
            <Check checked={f.disks} onChange={(value) => form.set("disks", value)}>
              Disk health <span class="muted">wakes idle disks</span>
            </Check>
          </Show>
          <Show when={f.type === "pmg"}>
            <Check checked={f.mailStats} onChange={(value) => form.set("mailStats", value)}>
              Mail statistics
            </Check>
            <Check checked={f.queues} onChange={(value) => form.set("queues", value)}>
              Queues
            </Check>
            <Check checked={f.quarantine} onChange={(value) => form.set("quarantine", value)}>
              Quarantine
            </Check>
            <Check checked={f.domains} onChange={(value) => form.set("domains", value)}>
              Domains
            </Check>
          </Show>
        </div>
        <Show when={form.failure()}>
          <Note level="critical" role="alert">
            {form.failure()}
          </Note>
        </Show>
      </Show>
    </>
  );
}

export function TestResultView(props: { form: NodeForm }) {
  const t = () => props.form.test();
  const trust = (fingerprint: string) => {
    props.form.set("fingerprint", fingerprint);
    void props.form.runTest();
  };
  return (
    <div aria-live="polite">
      <Switch>
        <Match when={t().state === "idle"}>
          <p class="muted">
            Test the connection before saving it: the address, the certificate, the account and what it may
            read.
          </p>
        </Match>
        <Match when={t().state === "testing"}>
          <ul>
            <li>
              <Status level="off" decorative />
              <b>Asking {props.form.fields.name || "the server"}</b>
            </li>
          </ul>
        </Match>
        <Match when={t().state === "refused" && (t() as { message: string; offered: string })} keyed>
          {(bad) => (
            <ul>
              <li>
                <Status level="critical" decorative />
                <b>No connection</b>
                <span />
                <p>{bad.message}</p>
                <Show when={bad.offered}>
                  <p>
                    Compare it with <span class="mono">pvenode cert info</span> on the node. If it is the
                    same, trust it.
                  </p>
                  <p>
                    <Button size="sm" onClick={() => trust(bad.offered)}>
                      Trust this certificate
                    </Button>
                  </p>
                </Show>
              </li>
            </ul>
          )}
        </Match>
        <Match
          when={t().state === "ok" && (t() as { result: import("@/api/types").TestResult; seconds: number })}
          keyed
        >
          {(ok) => (
            <ul>
              <li>
                <Status level="ok" decorative />
                <b>Reachable</b>
                <span class="muted">
                  {ok.result.latency ? `${Math.round(ok.result.latency)} ms` : `${ok.seconds.toFixed(1)} s`}
                </span>
                <p>{[ok.result.message, ok.result.version].filter(Boolean).join(", ")}</p>
              </li>
              <Show when={ok.result.isCluster}>
                <li>
                  <Status level="ok" decorative />
                  <b>Cluster {ok.result.clusterName ?? ""} found</b>
                  <span class="muted">
                    {plural(ok.result.clusterNodeCount ?? ok.result.nodeCount ?? 0, "node")}
                  </span>
                  <p>All of them will be watched.</p>
                </li>
              </Show>
              <Show when={ok.result.datastoreCount !== undefined}>
                <li>
                  <Status level="ok" decorative />
                  <b>{plural(ok.result.datastoreCount ?? 0, "datastore")} readable</b>
                  <span />
                </li>
              </Show>
              <For each={ok.result.warnings ?? []}>
                {(warning) => (
                  <li>
                    <Status level="warning" decorative />
                    <b>Usable, with a gap</b>
                    <span />
                    <p>{warning}</p>
                  </li>
                )}
              </For>
              <Show
                when={
                  ok.result.fingerprint &&
                  ok.result.fingerprint !== props.form.fields.fingerprint &&
                  ok.result.fingerprint
                }
                keyed
              >
                {(fingerprint) => (
                  <li>
                    <Status level="notice" decorative />
                    <b>Certificate</b>
                    <span />
                    <p class="mono">{fingerprint}</p>
                    <p>
                      <Button size="sm" onClick={() => trust(fingerprint)}>
                        Trust only this one
                      </Button>
                    </p>
                  </li>
                )}
              </Show>
            </ul>
          )}
        </Match>
      </Switch>
    </div>
  );
}
