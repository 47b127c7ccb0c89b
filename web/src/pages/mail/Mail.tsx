/** Mail gateways: what flows, what was held back, what waits. */
import { createMemo, For, Show } from "solid-js";
import type { PmgResource } from "@/api/types";
import { ButtonLink } from "@/components/Button";
import { SignalArt } from "@/components/Icon";
import { aged } from "@/components/list/Frame";
import { Loading } from "@/components/list/Loading";
import { Badge, Note, Status } from "@/components/Status";
import { Age, Bar } from "@/components/Values";
import { bytes, duration, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import type { Level } from "@/model/level";
import { mayRead } from "@/session/session";
import { gatewayState, hours, queueLevel, QUEUE, share, sums, type Queue } from "./gateway";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const count = (n: number | null | undefined) =>
  n === null || n === undefined ? UNKNOWN : whole.format(n).replaceAll(",", "\u202f");
const tone = (level: Level) => (level === "warning" || level === "critical" ? level : undefined);
const size = (n: number) => bytes(n).join(" ");

function Cards(props: { all: readonly PmgResource[] }) {
  const s = createMemo(() => sums(props.all));
  return (
    <dl class="mail-cards">
      <div>
        <dt>Mail today</dt>
        <dd>
          {count(s().total)} <small>{s().perHour === null ? "" : `${count(s().perHour)} an hour`}</small>
        </dd>
      </div>
      <div>
        <dt>Spam of incoming</dt>
        <dd>
          <Show when={s().spamShare !== null} fallback={UNKNOWN}>
            <span data-tone={(s().spamShare ?? 0) > 50 ? "warning" : undefined}>
              {percent(s().spamShare ?? 0)} %
            </span>{" "}
            <small>{count(s().spam)}</small>
          </Show>
        </dd>
      </div>
      <div>
        <dt>Viruses</dt>
        <dd>{count(s().virus)}</dd>
      </div>
      <div>
        <dt>In quarantine</dt>
        <dd>{count(s().quarantine)}</dd>
      </div>
      <div>
        <dt>In queues</dt>
        <dd>
          <span data-tone={tone(queueLevel(s().queue))}>{count(s().queue)}</span>{" "}
          <small>{s().oldest ? `oldest ${duration(s().oldest ?? 0)}` : ""}</small>
        </dd>
      </div>
    </dl>
  );
}

function Hours(props: { gateway: PmgResource }) {
  const data = createMemo(() => hours(props.gateway));
  const top = () => Math.max(1, 1.06 * Math.max(0, ...data().map((h) => h.good + h.spam + h.out)));
  return (
    <section>
      <h3>By hour</h3>
      <div class="bk-key">
        <span>
          <i data-mail="in" />
          in
        </span>
        <span>
          <i data-mail="spam" />
          spam
        </span>
        <span>
          <i data-mail="out" />
          out
        </span>
      </div>
      <Show when={data().length > 0} fallback={<p class="muted">No counts by hour were reported yet.</p>}>
        <div class="mail-hours" role="img" aria-label={`Mail of ${plural(data().length, "hour")}`}>
          <For each={data()}>
            {(h, i) => (
              <span title={h.words}>
                <i data-mail="out" style={{ height: `${(h.out / top()) * 100}%` }} />
                <i data-mail="in" style={{ height: `${(h.good / top()) * 100}%` }} />
                <i data-mail="spam" style={{ height: `${(h.spam / top()) * 100}%` }} />
                <Show when={i() % 4 === 2}>
                  <em>{h.label}</em>
                </Show>
              </span>
            )}
          </For>
        </div>
        <table class="sr">
          <caption>Mail by hour of {props.gateway.name}</caption>
          <tbody>
            <For each={data()}>
              {(h) => (
                <tr>
                  <th scope="row">{h.label}</th>
                  <td>{h.words}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </Show>
    </section>
  );
}

function Delivery(props: { gateway: PmgResource }) {
  const m = () => props.gateway.mailStats ?? undefined;
  const rows = (): [string, string, string?][] => {
    const s = m();
    if (!s) return [];
    return [
      ["In", count(s.countIn), size(s.bytesIn)],
      ["Out", count(s.countOut), size(s.bytesOut)],
      ["Spam in, out", `${count(s.spamIn)}, ${count(s.spamOut)}`, share(s.spamIn, s.countIn)],
      ["Viruses in, out", `${count(s.virusIn)}, ${count(s.virusOut)}`],
      ["Bounces in, out", `${count(s.bouncesIn)}, ${count(s.bouncesOut)}`],
      ["Refused by block list", count(s.rblRejects)],
      ["Refused, spoke too early", count(s.pregreetRejects)],
      ["Greylisted", count(s.greylistCount)],
      ["Time per message", `${Math.round(s.averageProcessTimeMs)} ms`],
    ];
  };
  return (
    <section>
      <h3>Today</h3>
      <Show
        when={m()}
        fallback={<p class="muted">Statistics were not reported; the account may lack the right.</p>}
      >
        <dl class="facts">
          <For each={rows()}>
            {([name, value, more]) => (
              <div>
                <dt>{name}</dt>
                <dd>
                  {value}{" "}
                  <Show when={more}>
                    <span class="muted">{more}</span>
                  </Show>
                </dd>
              </div>
            )}
          </For>
        </dl>
      </Show>
    </section>
  );
}

function Scores(props: { gateway: PmgResource }) {
  const q = () => props.gateway.quarantine ?? undefined;
  const list = () => props.gateway.spamDistribution ?? [];
  const most = () => Math.max(1, ...list().map((s) => s.count));
  return (
    <section>
      <h3>Spam score</h3>
      <Show when={list().length > 0} fallback={<p class="muted">No scores were reported.</p>}>
        <div class="mail-scores">
          <For each={list()}>
            {(s) => (
              <>
                <span class="muted">{s.score}</span>
                <Bar value={(s.count / most()) * 100} />
                <span>{count(s.count)}</span>
              </>
            )}
          </For>
        </div>
      </Show>
      <Show when={q()}>
        {(held) => (
          <>
            <h3 class="pt-2">Quarantine</h3>
            <dl class="facts">
              <For
                each={
                  [
                    ["Spam", held().spam],
                    ["Viruses", held().virus],
                    ["Attachments", held().attachment],
                    ["Block-listed", held().blacklisted],
                  ] as const
                }
              >
                {([name, value]) => (
                  <div>
                    <dt>{name}</dt>
                    <dd>{count(value)}</dd>
                  </div>
                )}
              </For>
            </dl>
          </>
        )}
      </Show>
    </section>
  );
}

function QueueWords(props: { queue: Queue | undefined }) {
  return (
    <Show when={props.queue} fallback={<span class="muted">{UNKNOWN}</span>}>
      {(q) => (
        <span
          data-tone={tone(queueLevel(q().total))}
          title={`${q().active} active, ${q().deferred} deferred, ${q().hold} held, ${q().incoming} incoming`}
        >
          {count(q().total)}
          <span class="muted font-normal">
            {" "}
            {q().deferred > 0 ? `${count(q().deferred)} deferred` : ""}
            {q().oldestAge > 0 ? `, oldest ${duration(q().oldestAge)}` : ""}
          </span>
        </span>
      )}
    </Show>
  );
}

function Nodes(props: { gateway: PmgResource }) {
  return (
    <table class="grid-table" aria-label={`Nodes of ${props.gateway.name}`}>
      <colgroup>
        <col style={{ width: "40px" }} />
        <col />
        <col class="mail-hide" style={{ width: "110px" }} />
        <col class="mail-hide" style={{ width: "120px" }} />
        <col class="mail-hide" style={{ width: "80px" }} />
        <col style={{ width: "45%" }} />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">
            <span class="sr">State</span>
          </th>
          <th scope="col">Node</th>
          <th scope="col" class="mail-hide">
            Role
          </th>
          <th scope="col" class="num mail-hide">
            Uptime
          </th>
          <th scope="col" class="num mail-hide">
            Load
          </th>
          <th scope="col">Queue</th>
        </tr>
      </thead>
      <tbody>
        <For each={props.gateway.nodes ?? []}>
          {(node) => (
            <tr>
              <td>
                <Status
                  level={node.status === "online" ? "ok" : "critical"}
                  label={node.status === "online" ? "Online" : "Offline"}
                />
              </td>
              <th scope="row" class="trunc">
                <span class="nm">{node.name}</span>
              </th>
              <td class="muted mail-hide">{node.role || UNKNOWN}</td>
              <td class="num muted mail-hide">{node.uptime ? duration(node.uptime) : UNKNOWN}</td>
              <td class="num muted mail-hide">{node.loadAvg ?? UNKNOWN}</td>
              <td class="trunc">
                <QueueWords queue={node.queueStatus ?? undefined} />
              </td>
            </tr>
          )}
        </For>
      </tbody>
    </table>
  );
}

function Gateway(props: { gateway: PmgResource }) {
  const g = () => props.gateway;
  const state = () => gatewayState(g());
  return (
    <article class="mail-gw" aria-label={g().name}>
      <div class="mail-head">
        <Status level={state().level} label={state().text} />
        <h2>
          <a class="nm" href={g().guestURL || g().host} target="_blank" rel="noreferrer">
            {g().name}
          </a>
        </h2>
        <span class="muted">Mail Gateway {g().version}</span>
        <Show when={state().level !== "ok"}>
          <Badge level={state().level}>{state().text}</Badge>
        </Show>
        <span class="spacer" />
        <span class="muted text-xs">
          read <Age at={Date.parse(g().lastSeen) || 0} />
        </span>
      </div>
      <Nodes gateway={g()} />
      <div class="mail-parts">
        <Hours gateway={g()} />
        <Delivery gateway={g()} />
        <Scores gateway={g()} />
      </div>
    </article>
  );
}

export default function Mail() {
  const gateways = createMemo(() => {
    const list = [...live.list("pmg")];
    const order = (g: PmgResource) => ({ critical: 0, warning: 1 })[gatewayState(g).level as string] ?? 2;
    return list.sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
  });
  // A gateway keeps its elements while its figures change.
  const ids = createMemo(() => gateways().map((g) => g.id), [], {
    equals: (a, b) => a.length === b.length && a.every((id, i) => id === b[i]),
  });
  return (
    <div class="body" data-aged={aged() ? "" : undefined}>
      <main class="main">
        <h1 class="sr">Mail gateways</h1>
        <Show when={live.loaded()} fallback={<Loading />}>
          <div class="scroll flex-1 flex flex-col" style={{ "overflow-x": "hidden" }}>
            <Show
              when={ids().length > 0}
              fallback={
                <div class="empty">
                  <SignalArt />
                  <h2>No mail gateway is connected</h2>
                  <p>
                    Connect a Proxmox Mail Gateway with the Auditor role; then queues, spam and mail by hour
                    appear here.
                  </p>
                  <Show when={mayRead("settings:write")}>
                    <div class="row">
                      <ButtonLink kind="primary" href="/settings/proxmox?add=pmg">
                        Connect a Mail Gateway
                      </ButtonLink>
                    </div>
                  </Show>
                </div>
              }
            >
              <Cards all={gateways()} />
              <Show when={gateways().some((g) => queueLevel(sums([g]).queue) !== "ok")}>
                <div class="late-note">
                  <Note level="warning">
                    More than {QUEUE.warning} messages wait in a queue. Deferred mail is tried again; a
                    growing number means that a receiver refuses or cannot be reached.
                  </Note>
                </div>
              </Show>
              <For each={ids()}>
                {(id) => (
                  <Show when={gateways().find((g) => g.id === id)}>{(g) => <Gateway gateway={g()} />}</Show>
                )}
              </For>
            </Show>
          </div>
        </Show>
      </main>
    </div>
  );
}
