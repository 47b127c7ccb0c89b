import { useLocation } from "@solidjs/router";
import { createMemo, lazy, onMount, Show, Suspense } from "solid-js";
import { ButtonLink } from "@/components/Button";
import { SignalArt } from "@/components/Icon";
import { Controls, NoMatch, ViewMenu } from "@/components/list/Controls";
import { isGroup } from "@/components/list/controller";
import { aged, Footer } from "@/components/list/Frame";
import { ListTable } from "@/components/list/ListTable";
import { PhoneList } from "@/components/list/ListPage";
import { Loading } from "@/components/list/Loading";
import { createListView } from "@/components/list/view";
import { createMedia } from "@/components/media";
import { Segmented } from "@/components/Segmented";
import { Status } from "@/components/Status";
import { Tip } from "@/components/Tip";
import { dayAndTime, percent, plural } from "@/format/format";
import { loadLinks } from "@/live/links";
import { live, nodeKey } from "@/live/live";
import { createTrends, type Trends } from "@/live/trends";
import type { GuestRow } from "@/model/guest";
import type { NodeRow } from "@/model/node";
import { prefs, setPrefs } from "@/prefs/prefs";
import { mayRead } from "@/session/session";
import { AttentionStrip } from "./Attention";
import { COLUMNS, columnsFor, guestColumn, overviewColumns, tipText, type CellContext } from "./columns";
import { createOverview, type OverviewState } from "./controller";
import { GuestName } from "./GuestName";
import { NodeTable } from "./NodeTable";
import { GuestCard, PhoneOverview } from "./Phone";

const GuestDetails = lazy(() => import("../details/GuestDetails"));
const NodeDetails = lazy(() => import("../details/NodeDetails"));

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

function Counts(props: { page: OverviewState }) {
  const c = () => props.page.shownCounts();
  const list = props.page.guests;
  const total = () => live.guests().length;
  return (
    <>
      <span>
        {list.filtered() ? `${list.shown().length} of ${plural(total(), "guest")}` : plural(total(), "guest")}
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
    </>
  );
}

function BarsOrTrends() {
  return (
    <Segmented
      class="p2"
      label="Show values as"
      value={prefs.view}
      onChange={(value) => setPrefs("view", value)}
      options={[
        { value: "bars", label: "Bars", icon: "bars" },
        {
          value: "trends",
          label:
            prefs.view === "trends"
              ? `Trends · ${prefs.trendRange.replace(/(\d+)(\w)/, "$1 $2").replace(/m$/, "min")}`
              : "Trends",
          icon: "trend",
        },
      ]}
    />
  );
}

function TrendRange() {
  return (
    <>
      <div class="mh">Trends over</div>
      <div class="px-2 pb-1">
        <Segmented
          label="Trend range"
          size="sm"
          value={prefs.trendRange}
          onChange={(value) => setPrefs({ trendRange: value, view: "trends" })}
          options={[
            { value: "15m", label: "15 min" },
            { value: "1h", label: "1 h" },
            { value: "4h", label: "4 h" },
            { value: "24h", label: "24 h" },
          ]}
        />
      </div>
      <hr />
    </>
  );
}

const GUEST_NAME = {
  label: "Name",
  sort: (r: GuestRow) => r.sortName,
  cell: (r: () => GuestRow) => <GuestName row={r} />,
};
const PHONE_SORTS = COLUMNS.filter((c) => c.guestSort).map((c) => ({ ...c, sort: c.guestSort }));

const NONE = { vm: 0, ct: 0, cores: 0 };

/** How many guests each node has, and their cores that run. */
function createNodeTotals() {
  const totals = createMemo(() => {
    live.tick();
    const result = new Map<string, { vm: number; ct: number; cores: number }>();
    for (const guest of live.guests()) {
      const key = nodeKey(guest.instance, guest.node);
      const entry = result.get(key) ?? { ...NONE };
      if (guest.kind === "VM") entry.vm += 1;
      else entry.ct += 1;
      if (guest.power === "running") entry.cores += guest.raw.cpus;
      result.set(key, entry);
    }
    return result;
  });
  return (node: NodeRow) => totals().get(nodeKey(node.instance, node.name)) ?? NONE;
}

/** The value under the pointer of a trend. */
function sparkTip(trends: Trends, id: string, metric: string, event: PointerEvent): string | undefined {
  const spark = event.target instanceof Element ? event.target.closest(".spark") : null;
  if (!spark || (metric !== "cpu" && metric !== "mem" && metric !== "disk")) return undefined;
  const series = trends.get(id, metric);
  if (!series) return undefined;
  const box = spark.getBoundingClientRect();
  const t0 = series.times[0] ?? 0;
  const at = t0 + ((event.clientX - box.left) / box.width) * ((series.times.at(-1) ?? 0) - t0);
  let best = 0;
  for (const [i, time] of series.times.entries())
    if (Math.abs(time - at) < Math.abs((series.times[best] ?? 0) - at)) best = i;
  const value = series.values[best];
  if (value === null || value === undefined) return undefined;
  return `${percent(value)} %\n${dayAndTime(new Date(series.times[best] ?? 0))}`;
}

export default function Overview() {
  const page = createOverview();
  const list = page.guests;
  const location = useLocation();
  const phone = createMedia("(width < 640px)");
  onMount(loadLinks);

  const view = createListView(list, {
    phone,
    moveOther(step) {
      const open = page.open();
      if (open?.kind !== "node") return false;
      const nodes = page.nodes();
      const next = nodes[nodes.findIndex((n) => n.id === open.id) + step];
      if (next) page.openDetails("node", next.id, true);
      return true;
    },
    shortcuts: [
      {
        keys: ["t"],
        label: "bars or trends",
        run: () => setPrefs("view", (v) => (v === "bars" ? "trends" : "bars")),
      },
    ],
  });

  const visibleIds = createMemo(() => {
    const ids = page
      .nodes()
      .filter((n) => !n.offline)
      .slice(0, 12)
      .map((n) => n.id);
    for (const item of list.items().slice(view.virtual.start(), view.virtual.end()))
      if (!isGroup<GuestRow>(item)) ids.push(item.id);
    return ids;
  });
  const trends = createTrends(
    visibleIds,
    () => prefs.trendRange,
    () => prefs.view === "trends" && !phone(),
  );
  const fit = createMemo(() => columnsFor(view.width()));
  const columns = createMemo(() => fit().columns, [], {
    equals: (a, b) => a.length === b.length && a.every((column, i) => column === b[i]),
  });
  const ctx: CellContext = {
    page,
    columns,
    narrow: () => fit().narrow,
    trends,
    guestsOn: createNodeTotals(),
  };
  const guestColumns = createMemo(() => columns().map((column) => guestColumn(column, ctx)));

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
    const metric = target.dataset.tip ?? "";
    return sparkTip(trends, id, metric, event) ?? tipText(metric, data);
  };

  const isEmpty = () => live.loaded() && live.nodes().length === 0 && live.guests().length === 0;

  const details = () => (
    <Suspense>
      <Show when={list.openId()}>
        {(id) => (
          <GuestDetails
            id={id()}
            onClose={page.closeDetails}
            onMove={view.move}
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
            onMove={view.move}
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
                <main class="main">
                  <h1 class="sr">Guests</h1>
                  <PhoneList
                    page={{
                      list,
                      name: { label: "Name" },
                      columns: PHONE_SORTS,
                      card: (row) => <GuestCard row={row()} />,
                      cardHeight: 71,
                    }}
                    choice={overviewColumns}
                    queryRef={view.queryRef}
                  />
                </main>
              </Show>
            </Show>
          </Show>
          {details()}
        </div>
      }
    >
      <div class="body" data-aged={aged() ? "" : undefined}>
        <main class="main" ref={view.watchWidth} data-narrow={fit().narrow ? "" : undefined}>
          <Show when={live.loaded()} fallback={<Loading />}>
            <Show when={!isEmpty()} fallback={<NothingConnected />}>
              <AttentionStrip page={page} total={live.guests().length} />
              <div class="scroll flex-1" ref={view.setScroller} style={{ "overflow-x": "hidden" }}>
                <div>
                  <NodeTable ctx={ctx} />
                  <Controls
                    list={list}
                    narrow={page.open() !== undefined}
                    example="cpu>80 tag:prod"
                    queryRef={view.queryRef}
                  >
                    <BarsOrTrends />
                    <ViewMenu list={list} choice={overviewColumns}>
                      <TrendRange />
                    </ViewMenu>
                  </Controls>
                  <ListTable
                    list={list}
                    kind="guest"
                    label="Guests"
                    name={GUEST_NAME}
                    columns={guestColumns()}
                    narrow={fit().narrow}
                    muted={(row) => row.power === "off" || row.power === "unknown"}
                    virtual={view.virtual}
                    cursor={view.cursor()}
                    onFocus={view.setCursor}
                    bodyRef={view.setTable}
                    headTop="var(--ctl-h)"
                  />
                  <Show when={list.items().length === 0 && live.guests().length > 0}>
                    <NoMatch list={list} />
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
      <Tip root={view.scroller} text={tip} />
      <Show when={!isEmpty()}>
        <Footer>
          <Counts page={page} />
        </Footer>
      </Show>
    </Show>
  );
}
