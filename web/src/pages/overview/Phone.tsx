/** The overview on a phone: what is wrong first, nodes as cards, guests on a page of their own. */
import { A } from "@solidjs/router";
import { createSignal, For, Show } from "solid-js";
import { Icon } from "@/components/Icon";
import { Status } from "@/components/Status";
import { Age, Bar, Third } from "@/components/Values";
import { duration, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import type { GuestRow } from "@/model/guest";
import { LIMITS, type Limit, type Over } from "@/model/level";
import type { NodeRow } from "@/model/node";
import type { CellContext } from "./columns";
import { follow, summary } from "@/components/list/Strip";
import { shownConcern } from "./Attention";
import type { OverviewState } from "./controller";

function MiniMeter(props: { label: string; value: number | null; over: Over; limit: Limit }) {
  return (
    <div class="card-mm" data-over={props.over || undefined}>
      <span>{props.label}</span>
      <Bar value={props.value} limit={props.limit} />
      <span>{props.value === null ? UNKNOWN : `${percent(props.value)} %`}</span>
    </div>
  );
}

export function NodeCard(props: { row: NodeRow; ctx: CellContext }) {
  const r = () => (live.tick(), props.row);
  const guests = () => {
    const n = props.ctx.guestsOn(props.row);
    return n.vm + n.ct;
  };
  return (
    <a
      class="card"
      href={`?open=${encodeURIComponent(`node:${props.row.id}`)}`}
      onClick={(event) => {
        event.preventDefault();
        props.ctx.page.openDetails("node", props.row.id);
      }}
    >
      <h3>
        <Status level={r().level} label={r().why} />
        <span class="trunc">{r().name}</span>
        <span class="muted">
          <Show when={r().offline} fallback={plural(guests(), "guest")}>
            offline
          </Show>
        </span>
      </h3>
      <MiniMeter label="CPU" value={r().cpu} over={r().cpuOver} limit={LIMITS.node.cpu} />
      <MiniMeter label="Mem" value={r().mem} over={r().memOver} limit={LIMITS.node.mem} />
      <MiniMeter label="Disk" value={r().disk} over={r().diskOver} limit={LIMITS.node.disk} />
    </a>
  );
}

export function PhoneOverview(props: { page: OverviewState; ctx: CellContext }) {
  const a = () => props.page.attention();
  const [all, setAll] = createSignal(false);
  const [allConcerns, setAllConcerns] = createSignal(false);
  const fine = () => live.guests().filter((g) => g.level === "ok").length;
  return (
    <main class="scroll flex-1 min-w-0">
      <div class="hero">
        <Show
          when={a().concerns.length > 0}
          fallback={
            <>
              <h1>Nothing needs you</h1>
              <p>{plural(live.guests().length, "guest")} within their limits.</p>
            </>
          }
        >
          <h1>
            {a().concerns.length} {a().concerns.length === 1 ? "needs" : "need"} attention
          </h1>
          <p>
            {summary(a().critical, a().warning)}. {fine()} of {plural(live.guests().length, "guest")} are
            fine.
          </p>
        </Show>
      </div>
      <For each={a().concerns.slice(0, allConcerns() ? 40 : 4)}>
        {(concern) => (
          <a
            class="li"
            href={shownConcern(props.page, concern).href}
            onClick={(event) => follow(shownConcern(props.page, concern))(event)}
          >
            <Status level={concern.level} />
            <b class="trunc">{concern.title}</b>
            <Show when={concern.since > 0} fallback={<span />}>
              <Age at={concern.since} bare />
            </Show>
            <span class="d trunc">{concern.detail}</span>
          </a>
        )}
      </For>
      <Show when={a().concerns.length > 4}>
        <button
          type="button"
          class="more muted"
          style={{ height: "44px" }}
          aria-expanded={allConcerns()}
          onClick={() => setAllConcerns(!allConcerns())}
        >
          <Icon name={allConcerns() ? "up" : "down"} small />
          {allConcerns() ? "Fewer" : `${a().concerns.length - 4} more`}
        </button>
      </Show>
      <div class="sech">
        <h2>Nodes</h2>
        <Show when={props.page.nodes().length > 4}>
          <button type="button" class="linkish" onClick={() => setAll(!all())}>
            {all() ? "Fewer" : `All ${props.page.nodes().length}`}
          </button>
        </Show>
      </div>
      <div class="nc cards">
        <For each={all() ? props.page.nodes() : props.page.nodes().slice(0, 4)}>
          {(row) => <NodeCard row={row} ctx={props.ctx} />}
        </For>
      </div>
      <div class="sech">
        <h2>Guests</h2>
        <A href="/proxmox/guests">All {live.guests().length}</A>
      </div>
      <div class="pb-5">
        <A class="li" href="/proxmox/guests?problems=1">
          <Status level={props.page.counts().problems > 0 ? "warning" : "ok"} decorative />
          <b>{plural(props.page.counts().problems, "guest")} over a limit</b>
          <Icon name="right" small />
          <span class="d">
            {props.page.counts().running} running, {props.page.counts().off} off
            {props.page.counts().unknown > 0 ? `, ${props.page.counts().unknown} unknown` : ""}
          </span>
        </A>
      </div>
    </main>
  );
}

export function GuestCard(props: { row: GuestRow }) {
  const r = () => (live.tick(), props.row);
  return (
    <>
      <div class="h">
        <Status level={r().level} label={r().why} />
        <b class="trunc">{r().name}</b>
        <small class="trunc">
          {r().kind} {r().vmid}, {r().node}
        </small>
        <small class="r">
          <Show when={r().uptime !== null} fallback={r().power === "off" ? "off" : <Age at={r().lastSeen} />}>
            {duration(r().uptime ?? 0)}
          </Show>
        </small>
      </div>
      <div class="tri">
        <Third label="CPU" value={r().cpu} over={r().cpuOver} limit={LIMITS.guest.cpu} />
        <Third label="Mem" value={r().mem} over={r().memOver} limit={LIMITS.guest.mem} />
        <Third label="Disk" value={r().disk} over={r().diskOver} limit={LIMITS.guest.disk} />
      </div>
    </>
  );
}
