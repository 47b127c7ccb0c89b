import {
  createEffect,
  createMemo,
  createSignal,
  lazy,
  on,
  onCleanup,
  onMount,
  Show,
  Suspense,
} from "solid-js";
import { A, useLocation } from "@solidjs/router";
import { Button, ButtonLink } from "@/components/Button";
import { SignalArt } from "@/components/Icon";
import { createMedia } from "@/components/media";
import { createShortcuts } from "@/components/Shortcuts";
import { Status } from "@/components/Status";
import { Tip } from "@/components/Tip";
import { createVirtual, cssPixels } from "@/components/virtual";
import { dayAndTime, percent, plural } from "@/format/format";
import { loadLinks } from "@/live/links";
import { live } from "@/live/live";
import { createTrends } from "@/live/trends";
import type { NodeRow } from "@/model/node";
import { prefs } from "@/prefs/prefs";
import { mayRead } from "@/session/session";
import { AttentionStrip } from "./Attention";
import { columnsFor, tipText, type CellContext } from "./columns";
import { Controls } from "./Controls";
import { createOverview, isGroup, type OverviewState } from "./controller";
import { GuestTable } from "./GuestTable";
import { NodeTable } from "./NodeTable";
import { PhoneGuests, PhoneOverview } from "./Phone";
import { Loading } from "./Loading";
import { Totals } from "./Totals";

const GuestDetails = lazy(() => import("../details/GuestDetails"));
const NodeDetails = lazy(() => import("../details/NodeDetails"));

export function NoMatch(props: { page: OverviewState }) {
  const fix = () => props.page.fix();
  return (
    <div class="empty">
      <h2>No guest matches</h2>
      <Show
        when={fix()}
        fallback={
          <p>
            <Show when={props.page.lastGood().text} fallback="No guest is left by these filters.">
              Nothing is left of {plural(live.guests().length, "guest")} by{" "}
              <span class="mono">{props.page.lastGood().text}</span>
              {props.page.type() || props.page.power() || props.page.problemsOnly() ? " and the chips" : ""}.
            </Show>
          </p>
        }
      >
        {(f) => (
          <p>
            There is no {f().field} <span class="mono">{f().wrong}</span>. Did you mean{" "}
            <span class="mono">{f().right}</span> ({plural(f().count, "guest")})?
          </p>
        )}
      </Show>
      <div class="row">
        <Show when={fix()}>
          {(f) => (
            <Button kind="primary" onClick={() => props.page.setQuery(f().query)}>
              Use {f().field}:{f().right}
            </Button>
          )}
        </Show>
        <Button onClick={props.page.reset}>Clear all filters</Button>
      </div>
    </div>
  );
}

function NothingConnected() {
  return (
    <div class="empty">
      <SignalArt />
      <h2>Connect something to watch</h2>
      <p>A Proxmox cluster needs one connection to any of its nodes; the others are found.</p>
      <div class="row">
        <Show
          when={mayRead("settings:write")}
          fallback={<span class="muted">An administrator can add a connection.</span>}
        >
          <ButtonLink kind="primary" href="/settings/proxmox?add=pve">
            Connect Proxmox
          </ButtonLink>
          <ButtonLink href="/hosts?install=1">Install an agent</ButtonLink>
        </Show>
      </div>
    </div>
  );
}

function Footer(props: { page: OverviewState }) {
  const c = () => props.page.shownCounts();
  const total = () => live.guests().length;
  return (
    <footer class="ftr">
      <span>
        {props.page.filtered()
          ? `${props.page.shown().length} of ${plural(total(), "guest")}`
          : plural(total(), "guest")}
      </span>
      <span class="grp">
        <Status level="ok" decorative />
        {c().running} running
      </span>
      <span class="grp">
        <Status level="off" decorative />
        {c().off} off
      </span>
      <Show when={c().paused > 0}>
        <span class="grp">
          <Status level="paused" decorative />
          {c().paused} paused
        </span>
      </Show>
      <Show when={c().unknown > 0}>
        <span class="grp">
          <Status level="unknown" decorative />
          {c().unknown} unknown
        </span>
      </Show>
      <span class="spacer" />
      <span class="grp">
        <kbd>j</kbd>
        <kbd>k</kbd> move
      </span>
      <span class="grp">
        <kbd>Enter</kbd> details
      </span>
      <span class="grp">
        <kbd>/</kbd> filter
      </span>
      <span class="grp">
        <kbd>?</kbd> all keys
      </span>
    </footer>
  );
}

export default function Overview() {
  const page = createOverview();
  const location = useLocation();
  const phone = createMedia("(width < 640px)");
  const [scroller, setScroller] = createSignal<HTMLElement>();
  const [table, setTable] = createSignal<HTMLTableElement>();
  const [cursor, setCursor] = createSignal("");
  let queryInput: HTMLInputElement | undefined;
  onMount(loadLinks);

  const rowHeight = createMemo(() => {
    void prefs.density;
    return cssPixels("--row-h") || 28;
  });
  const heights = createMemo(() => {
    const row = rowHeight();
    return page.items().map((item) => (isGroup(item) ? 28 : row));
  });
  const controlHeight = () => cssPixels("--ctl-h") || 44;
  const virtual = createVirtual({
    scroller,
    list: table,
    lead: 26,
    covered: () => controlHeight() + 26 + (page.groupBy() === "none" ? 0 : 28),
    heights,
  });

  const nodeTotals = createMemo(() => {
    live.tick();
    const totals = new Map<string, { vm: number; ct: number; cores: number }>();
    for (const guest of live.guests()) {
      const key = `${guest.instance}\u0000${guest.node}`;
      const entry = totals.get(key) ?? { vm: 0, ct: 0, cores: 0 };
      if (guest.kind === "VM") entry.vm += 1;
      else entry.ct += 1;
      if (guest.power === "running") entry.cores += guest.raw.cpus;
      totals.set(key, entry);
    }
    return totals;
  });
  const none = { vm: 0, ct: 0, cores: 0 };

  const visibleIds = createMemo(() => {
    const ids = page
      .nodes()
      .filter((n) => !n.offline)
      .slice(0, 12)
      .map((n) => n.id);
    for (const item of page.items().slice(virtual.start(), virtual.end()))
      if (!isGroup(item)) ids.push(item.id);
    return ids;
  });
  const trends = createTrends(
    visibleIds,
    () => prefs.trendRange,
    () => prefs.view === "trends" && !phone(),
  );
  const [width, setWidth] = createSignal(1440);
  const watchWidth = (el: HTMLElement) => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 1440));
    observer.observe(el);
    onCleanup(() => observer.disconnect());
  };
  const fit = createMemo(() => columnsFor(width()));
  const columns = createMemo(() => fit().columns, [], {
    equals: (a, b) => a.length === b.length && a.every((column, i) => column === b[i]),
  });
  const ctx: CellContext = {
    page,
    columns,
    trends,
    guestsOn: (node) => nodeTotals().get(`${node.instance}\u0000${node.name}`) ?? none,
  };

  // --- moving through the list
  // Grouped by tag, a guest has several rows: the place says which one is meant.
  let place = -1;
  const indexOf = (id: string) => {
    const here = page.items()[place];
    if (here && !isGroup(here) && here.id === id) return place;
    return page.items().findIndex((item) => !isGroup(item) && item.id === id);
  };
  const focusRow = (id: string, index = indexOf(id)) => {
    setCursor(id);
    place = index;
    if (index >= 0) virtual.reveal(index);
    queueMicrotask(() =>
      scroller()
        ?.querySelector<HTMLElement>(`tr[data-row="guest"][aria-rowindex="${index + 2}"]`)
        ?.focus(),
    );
  };
  const move = (step: number) => {
    const open = page.open();
    if (open?.kind === "node") {
      const list = page.nodes();
      const next = list[list.findIndex((n) => n.id === open.id) + step];
      if (next) page.openDetails("node", next.id, true);
      return;
    }
    const list = page.items();
    let at = indexOf(open?.id ?? cursor());
    let next = list[(at += step)];
    while (next && isGroup(next)) next = list[(at += step)];
    if (!next || isGroup(next)) return;
    focusRow(next.id, at);
    if (open) page.openDetails("guest", next.id, true);
  };
  createShortcuts([
    { keys: ["/"], label: "filter", run: () => queryInput?.select() },
    { keys: ["j", "ArrowDown"], label: "next row", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "previous row", run: () => move(-1) },
    {
      keys: ["Enter"],
      label: "details of the row",
      run: () => {
        if (cursor() && indexOf(cursor()) >= 0) page.openDetails("guest", cursor());
      },
    },
    {
      keys: ["Escape"],
      label: "close the details",
      run: () => {
        if (page.open()) page.closeDetails();
      },
    },
    {
      keys: ["t"],
      label: "bars or trends",
      run: () =>
        import("@/prefs/prefs").then((p) => p.setPrefs("view", (v) => (v === "bars" ? "trends" : "bars"))),
    },
  ]);
  // The first row takes the Tab stop until somebody moves.
  createEffect(() => {
    if (cursor() && indexOf(cursor()) >= 0) return;
    const first = page.items().find((item) => !isGroup(item));
    setCursor(first && !isGroup(first) ? first.id : "");
  });
  createEffect(
    on(page.open, (open, before) => {
      if (open?.kind === "guest") setCursor(open.id);
      if (!open && before?.kind === "guest" && !phone()) focusRow(before.id);
    }),
  );

  const openGuest = createMemo(() => {
    const open = page.open();
    return open?.kind === "guest" ? open.id : undefined;
  });
  const openNode = createMemo(() => {
    const open = page.open();
    return open?.kind === "node" ? open.id : undefined;
  });

  const tip = (target: HTMLElement, event: PointerEvent): string | undefined => {
    const row = target.closest<HTMLElement>("tr[data-id]");
    const id = row?.dataset.id ?? "";
    const data =
      row?.dataset.row === "node" ? live.nodes().find((n) => n.id === id) : live.guestById().get(id);
    if (!data) return undefined;
    const spark = event.target instanceof Element ? event.target.closest(".spark") : null;
    const metric = target.dataset.tip;
    if (spark && (metric === "cpu" || metric === "mem" || metric === "disk")) {
      const series = trends.get(id, metric);
      if (series) {
        const box = spark.getBoundingClientRect();
        const t0 = series.times[0] ?? 0;
        const at = t0 + ((event.clientX - box.left) / box.width) * ((series.times.at(-1) ?? 0) - t0);
        let best = 0;
        for (const [i, time] of series.times.entries())
          if (Math.abs(time - at) < Math.abs((series.times[best] ?? 0) - at)) best = i;
        const value = series.values[best];
        if (value !== null && value !== undefined)
          return `${percent(value)} %\n${dayAndTime(new Date(series.times[best] ?? 0))}`;
      }
    }
    return tipText(metric ?? "", data as NodeRow);
  };

  const aged = () => live.freshness() === "lost" || live.freshness() === "stale";
  const isEmpty = () => live.loaded() && live.nodes().length === 0 && live.guests().length === 0;

  const details = () => (
    <Suspense>
      <Show when={openGuest()}>
        {(id) => (
          <GuestDetails
            id={id()}
            onClose={page.closeDetails}
            onMove={move}
            onTag={page.toggleTag}
            onNode={(nodeId: string) => page.openDetails("node", nodeId)}
          />
        )}
      </Show>
      <Show when={openNode()}>
        {(id) => (
          <NodeDetails
            id={id()}
            onClose={page.closeDetails}
            onMove={move}
            onScope={page.toggleNode}
            isScoped={page.isScoped}
          />
        )}
      </Show>
    </Suspense>
  );

  return (
    <Show
      when={!phone()}
      fallback={
        <div class="body" data-aged={aged() ? "" : undefined}>
          <Show when={live.loaded()} fallback={<Loading />}>
            <Show when={!isEmpty()} fallback={<NothingConnected />}>
              <Show
                when={location.pathname === "/proxmox/guests"}
                fallback={<PhoneOverview page={page} ctx={ctx} />}
              >
                <PhoneGuests page={page} queryRef={(el) => (queryInput = el)} />
              </Show>
            </Show>
          </Show>
          {details()}
        </div>
      }
    >
      <nav class="sub" aria-label="Proxmox pages">
        <A href="/proxmox/overview" aria-current="page">
          Overview
        </A>
        <Totals />
      </nav>
      <div class="body" data-aged={aged() ? "" : undefined}>
        <main class="main" ref={watchWidth} data-narrow={fit().narrow ? "" : undefined}>
          <Show when={live.loaded()} fallback={<Loading />}>
            <Show when={!isEmpty()} fallback={<NothingConnected />}>
              <AttentionStrip page={page} total={live.guests().length} />
              <div class="scroll flex-1" ref={setScroller} style={{ "overflow-x": "hidden" }}>
                <div>
                  <NodeTable ctx={ctx} />
                  <Controls
                    page={page}
                    narrow={page.open() !== undefined}
                    queryRef={(el) => (queryInput = el)}
                  />
                  <GuestTable
                    ctx={ctx}
                    virtual={virtual}
                    cursor={cursor()}
                    onFocus={setCursor}
                    bodyRef={setTable}
                  />
                  <Show when={page.items().length === 0 && live.guests().length > 0}>
                    <NoMatch page={page} />
                  </Show>
                  <Show when={live.guests().length === 0}>
                    <div class="empty">
                      <h2>No guests yet</h2>
                      <p>The nodes answer, but report no virtual machines or containers.</p>
                    </div>
                  </Show>
                </div>
              </div>
            </Show>
          </Show>
        </main>
        {details()}
      </div>
      <Tip root={scroller} text={tip} />
      <Show when={!isEmpty()}>
        <Footer page={page} />
      </Show>
    </Show>
  );
}
