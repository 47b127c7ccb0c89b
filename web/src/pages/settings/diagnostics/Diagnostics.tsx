/** What works, what does not and why: connections, permissions, sources of values, the server itself. */
import { createMemo, createSignal, For, Show } from "solid-js";
import { errorText } from "@/api/client";
import { diagnostics, schedulerHealth, type PollHealth, type SchedulerHealth } from "@/api/settings";
import { Asking, AskedLate } from "@/components/Asking";
import { Button } from "@/components/Button";
import { Code } from "@/components/Copy";
import { instances } from "@/components/list/Gaps";
import { createMedia } from "@/components/media";
import { Status } from "@/components/Status";
import { toast } from "@/components/toast";
import { Age } from "@/components/Values";
import { duration, plural, UNKNOWN } from "@/format/format";
import { createAsked } from "@/live/asked";
import { live } from "@/live/live";
import { LEVEL_ORDER } from "@/model/level";
import { at, healthOf, memorySources, sanitize } from "./health";

const KIND: Record<string, string> = { pve: "PVE", pbs: "PBS", pmg: "PMG" };

function PollRow(props: { poll: PollHealth; span: number }) {
  const p = () => props.poll;
  const state = () => healthOf(p());
  const interval = () => p().intervalMs;
  const next = () => at(p().nextRun);
  const retry = () => at(p().deadLetter.nextRetry) || at(p().breaker.retryAt);
  return (
    <>
      <tr data-row="poll" data-id={p().key}>
        <td>
          <Status level={state().level} label={state().text} />
        </td>
        <th scope="row" class="trunc">
          <span class="nm">{p().displayName || p().instance}</span>
          <small>{KIND[p().type] ?? p().type}</small>
        </th>
        <td class="trunc dg-hide">
          <span class="mono muted">{p().connection || UNKNOWN}</span>
        </td>
        <td class="num">
          <Show when={at(p().pollStatus.lastSuccess)} fallback={<span class="muted">never</span>}>
            {(ms) => <Age at={ms()} />}
          </Show>
        </td>
        <td class="num muted dg-hide">
          {p().lastDurationMs === undefined ? UNKNOWN : `${p().lastDurationMs} ms`}
        </td>
        <td class="num muted dg-hide">
          {interval() ? duration(Math.round((interval() ?? 0) / 1000)) : UNKNOWN}
        </td>
        <td class="num muted dg-hide">
          <Show when={p().inFlight} fallback={next() ? <In at={next()} /> : UNKNOWN}>
            now
          </Show>
        </td>
        <td class="num">
          {p().requestsPer10s === undefined ? <span class="muted">{UNKNOWN}</span> : p().requestsPer10s}
        </td>
        <td
          class="dg-hide"
          data-tone={p().breaker.state === "closed" ? undefined : "critical"}
          classList={{ muted: p().breaker.state === "closed" }}
        >
          {p().breaker.state.replace("_", " ")}
          {p().breaker.failureCount > 0 ? `, ${p().breaker.failureCount} failures` : ""}
        </td>
      </tr>
      <Show when={state().level !== "ok"}>
        <tr class="kid">
          <td />
          <td
            colSpan={props.span}
            class="reason"
            data-tone={state().level === "critical" ? "critical" : undefined}
          >
            {state().text}
            <Show when={at(p().pollStatus.firstFailureAt)}>
              {(ms) => (
                <span class="muted">
                  {" "}
                  Since <Age at={ms()} />.
                </span>
              )}
            </Show>
            <Show when={retry()}>
              {(ms) => (
                <span class="muted">
                  {" "}
                  Tried again <In at={ms()} />.
                </span>
              )}
            </Show>
          </td>
        </tr>
      </Show>
    </>
  );
}

function In(props: { at: number }) {
  const seconds = () => Math.round((props.at - live.serverNow()) / 1000);
  return <>{seconds() > 0 ? `in ${duration(seconds())}` : "now"}</>;
}

function Polls(props: { health: () => SchedulerHealth }) {
  const wide = createMedia("(width >= 860px)");
  const list = createMemo(() =>
    [...(props.health().instances ?? [])].sort(
      (a, b) =>
        LEVEL_ORDER[healthOf(a).level] - LEVEL_ORDER[healthOf(b).level] ||
        a.displayName.localeCompare(b.displayName),
    ),
  );
  const requests = () => list().reduce((sum, p) => sum + (p.requestsPer10s ?? 0), 0);
  return (
    <section class="dg">
      <div class="dg-h">
        <h2>Connections</h2>
        <span class="muted">
          {plural(list().length, "connection")}, {Math.round(requests() * 10) / 10} requests in 10 s,{" "}
          {plural(props.health().deadLetter?.count ?? 0, "dead letter")}
          {props.health().queue ? `, ${props.health().queue?.depth ?? 0} waiting` : ""}
        </span>
      </div>
      <Show
        when={list().length > 0}
        fallback={<p class="muted px-6 py-2">Nothing is polled: no Proxmox server is connected.</p>}
      >
        <table class="grid-table sn" aria-label="Polls">
          <colgroup>
            <col style={{ width: "44px" }} />
            <col />
            <col class="dg-hide" style={{ width: "22%" }} />
            <col style={{ width: "92px" }} />
            <col class="dg-hide" style={{ width: "80px" }} />
            <col class="dg-hide" style={{ width: "72px" }} />
            <col class="dg-hide" style={{ width: "80px" }} />
            <col style={{ width: "100px" }} />
            <col class="dg-hide" style={{ width: "150px" }} />
          </colgroup>
          <thead>
            <tr>
              <th scope="col">
                <span class="sr">State</span>
              </th>
              <th scope="col">Name</th>
              <th scope="col" class="dg-hide">
                Address
              </th>
              <th scope="col" class="num">
                Last good
              </th>
              <th scope="col" class="num dg-hide">
                Took
              </th>
              <th scope="col" class="num dg-hide">
                Every
              </th>
              <th scope="col" class="num dg-hide">
                Next
              </th>
              <th scope="col" class="num">
                Requests/10 s
              </th>
              <th scope="col" class="dg-hide">
                Breaker
              </th>
            </tr>
          </thead>
          <tbody>
            <For each={list()}>{(poll) => <PollRow poll={poll} span={wide() ? 8 : 3} />}</For>
          </tbody>
        </table>
      </Show>
    </section>
  );
}

function Gaps() {
  const all = createMemo(() =>
    instances().flatMap((i) => (i.gaps ?? []).map((gap) => ({ ...gap, instance: i.name }))),
  );
  return (
    <section class="dg">
      <div class="dg-h">
        <h2>Missing permissions</h2>
        <span class="muted">What the accounts that Pulse uses may not read</span>
      </div>
      <Show
        when={all().length > 0}
        fallback={
          <p class="px-6 py-2 row" style={{ gap: "6px" }}>
            <Status level="ok" decorative /> Everything that was asked could be read.
          </p>
        }
      >
        <For each={all()}>
          {(gap) => (
            <div class="dg-gap">
              <Status level="warning" decorative />
              <div class="min-w-0">
                <b class="font-semibold">
                  {gap.capability}
                  {gap.node ? ` of ${gap.node}` : ""}
                </b>
                <span class="muted">
                  {" "}
                  {gap.instance} answers {gap.status}, last <Age at={gap.lastSeen} />
                </span>
                <Show
                  when={gap.privilege}
                  fallback={
                    <p class="muted">The account was refused; its role lacks a privilege for this.</p>
                  }
                >
                  <p class="muted pb-1">
                    Grant <span class="mono">{gap.privilege}</span> on the Proxmox side, for example:
                  </p>
                  <Code
                    text={`pveum role add PulseExtra --privs ${gap.privilege}; pveum acl modify / --users pulse@pve --roles PulseExtra`}
                  />
                </Show>
              </div>
            </div>
          )}
        </For>
      </Show>
    </section>
  );
}

function Sources() {
  const parts = createMemo(() => {
    live.tick();
    const running = live.guests().filter((g) => g.raw.status === "running");
    return [
      { what: "Running guests", list: memorySources(running.map((g) => g.raw as { memorySource?: string })) },
      { what: "Nodes", list: memorySources(live.nodes().map((n) => n.raw as { memorySource?: string })) },
    ];
  });
  return (
    <section class="dg">
      <div class="dg-h">
        <h2>Where memory values come from</h2>
        <span class="muted">Most used first; a guest's details say its own</span>
      </div>
      <div class="dg-two">
        <For each={parts()}>
          {(part) => (
            <dl class="facts facts-wide">
              <div>
                <dt>{part.what}</dt>
                <dd />
              </div>
              <For each={part.list} fallback={<div class="muted">none</div>}>
                {(s) => (
                  <div>
                    <dt class="mono">{s.source}</dt>
                    <dd>{s.count}</dd>
                  </div>
                )}
              </For>
            </dl>
          )}
        </For>
      </div>
    </section>
  );
}

function download(name: string, value: unknown) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export default function Diagnostics() {
  const health = createAsked(() => "scheduler/health", schedulerHealth, { every: 5_000 });
  const [busy, setBusy] = createSignal(false);
  const [report, setReport] = createSignal<Awaited<ReturnType<typeof diagnostics>>>();
  const [failure, setFailure] = createSignal("");
  const run = async () => {
    setBusy(true);
    setFailure("");
    try {
      setReport(await diagnostics());
    } catch (error) {
      setFailure(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const save = async (clean: boolean) => {
    if (!report()) await run();
    const found = report();
    if (!found) return;
    const all = { report: found, scheduler: health.value(), instances: instances() };
    const day = new Date().toISOString().slice(0, 10);
    download(`pulse-diagnostics-${day}${clean ? "-redacted" : ""}.json`, clean ? sanitize(all) : all);
    toast({
      level: "ok",
      title: clean ? "Redacted export saved" : "Export saved",
      detail: clean ? "Addresses are replaced by stand-ins." : "It names your servers and addresses.",
    });
  };
  return (
    <>
      <div class="ph">
        <div class="ph-text">
          <h1>Diagnostics</h1>
          <p>What is read, what is not, and why. Secrets are never part of an export.</p>
        </div>
        <Button pending={busy()} onClick={() => void save(false)}>
          Export
        </Button>
        <Button kind="primary" pending={busy()} onClick={() => void save(true)}>
          Export redacted
        </Button>
      </div>
      <div class="scroll flex-1" style={{ "overflow-x": "hidden" }}>
        <Show when={failure()}>
          <p class="px-6 pb-2" role="alert" data-tone="critical">
            The report could not be made: {failure()}
          </p>
        </Show>
        <AskedLate asked={health} what="The polls" />
        <Asking asked={health} what="The polls">
          {(value) => <Polls health={value} />}
        </Asking>
        <Gaps />
        <Sources />
        <section class="dg">
          <div class="dg-h">
            <h2>This server</h2>
            <span class="spacer" />
            <Button size="sm" icon="refresh" pending={busy()} onClick={() => void run()}>
              Run diagnostics
            </Button>
          </div>
          <Show
            when={report()}
            fallback={
              <p class="muted px-6 py-2">Version {live.serverVersion() || UNKNOWN}. Run it to see more.</p>
            }
          >
            {(r) => (
              <div class="px-6 py-2">
                <dl class="facts">
                  <div>
                    <dt>Version</dt>
                    <dd>{r().version ?? UNKNOWN}</dd>
                  </div>
                  <div>
                    <dt>Running for</dt>
                    <dd>{r().uptime === undefined ? UNKNOWN : duration(r().uptime ?? 0)}</dd>
                  </div>
                  <div>
                    <dt>System</dt>
                    <dd>
                      {[r().system?.os, r().system?.arch].filter(Boolean).join(" ") || UNKNOWN}
                      {r().system?.numCPU ? `, ${plural(r().system?.numCPU ?? 0, "core")}` : ""}
                      {r().system?.memoryMB ? `, ${r().system?.memoryMB} MiB used` : ""}
                    </dd>
                  </div>
                  <div>
                    <dt>API tokens</dt>
                    <dd>
                      {r().apiTokens?.tokenCount ?? UNKNOWN}
                      {r().apiTokens?.unusedTokenCount
                        ? `, ${r().apiTokens?.unusedTokenCount} never used`
                        : ""}
                    </dd>
                  </div>
                </dl>
                <For each={r().errors ?? []}>
                  {(error) => (
                    <p data-tone="critical" class="pt-1">
                      {error}
                    </p>
                  )}
                </For>
              </div>
            )}
          </Show>
        </section>
      </div>
    </>
  );
}
