import { useSearchParams } from "@solidjs/router";
import { createMemo, createSignal, For, lazy, Show, Suspense } from "solid-js";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Icon, SignalArt } from "@/components/Icon";
import { createMedia } from "@/components/media";
import { createShortcuts } from "@/components/Shortcuts";
import { Status } from "@/components/Status";
import { Age, Bar, Meter, Pair } from "@/components/Values";
import { duration, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { naturalKey } from "@/model/guest";
import type { HostRow } from "@/model/host";
import { LEVEL_ORDER, LIMITS, type Level, type Limit, type Over } from "@/model/level";
import { setPrefs, prefs } from "@/prefs/prefs";
import { mayRead } from "@/session/session";
import { Loading } from "../overview/Loading";
import { ariaSort, SortHead, temperature } from "../overview/columns";
import { InstallAgent } from "./InstallAgent";

const HostDetails = lazy(() => import("../details/HostDetails"));

type Value = number | string | null;
const SORT: Record<string, (row: HostRow) => Value> = {
  name: (r) => naturalKey(r.name),
  status: (r) => LEVEL_ORDER[r.level],
  os: (r) => r.os,
  cpu: (r) => r.cpu,
  mem: (r) => r.mem,
  disk: (r) => r.disk,
  load: (r) => r.load,
  temp: (r) => r.temp,
  uptime: (r) => r.uptime,
  age: (r) => -r.lastSeen,
};
const ASCENDING = new Set(["name", "status", "os", "age"]);

const HEADS: { key: string; label: string; class: string; num?: boolean; meter?: boolean }[] = [
  { key: "os", label: "System", class: "c-host-os p2" },
  { key: "cpu", label: "CPU", class: "c-cpu", meter: true },
  { key: "mem", label: "Memory", class: "c-mem", meter: true },
  { key: "disk", label: "Fullest disk", class: "c-dsk", meter: true },
  { key: "load", label: "Load", class: "c-load p4", num: true },
  { key: "temp", label: "Temp", class: "c-load p3", num: true },
  { key: "uptime", label: "Uptime", class: "c-up p2", num: true },
  { key: "age", label: "Report", class: "c-up", num: true },
];

function createHosts() {
  const [params, setParams] = useSearchParams<{
    q?: string;
    st?: string;
    sort?: string;
    open?: string;
    install?: string;
  }>();
  const one = (value: string | string[] | undefined): string =>
    Array.isArray(value) ? (value[0] ?? "") : (value ?? "");
  const sort = createMemo(() => {
    const text = one(params.sort) || prefs.sort.hosts || "";
    return text.startsWith("-") ? { key: text.slice(1), down: true } : { key: text, down: false };
  });
  const status = () => one(params.st);
  const matching = createMemo(() => {
    live.tick();
    const words = one(params.q).toLowerCase().split(/\s+/).filter(Boolean);
    return live.hosts().filter((row) => words.every((word) => row.haystack.includes(word)));
  });
  const kind = (row: HostRow) => (row.offline ? "offline" : row.level === "ok" ? "ok" : "problem");
  const rows = createMemo(() => {
    const { key, down } = sort();
    const value = SORT[key];
    return matching()
      .filter((row) => !status() || kind(row) === status())
      .sort((a, b) => {
        const first = value ? byValue(value(a), value(b), down) : LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level];
        return first || byValue(naturalKey(a.name), naturalKey(b.name), false);
      });
  });
  return {
    query: () => one(params.q),
    setQuery: (text: string) => setParams({ q: text || undefined }, { replace: true }),
    status,
    toggleStatus: (value: string) =>
      setParams({ st: status() === value ? undefined : value }, { replace: true }),
    counts: createMemo(() => {
      const c = { ok: 0, problem: 0, offline: 0 };
      for (const row of matching()) c[kind(row)] += 1;
      return c;
    }),
    matching,
    rows,
    sort,
    sortBy(key: string) {
      const first = ASCENDING.has(key) ? key : `-${key}`;
      const current = sort();
      const flipped = current.down ? key : `-${key}`;
      const next = current.key === key ? (flipped === first ? "" : flipped) : first;
      setPrefs("sort", "hosts", next);
      setParams({ sort: next || undefined }, { replace: true });
    },
    open: createMemo(() => {
      const text = one(params.open);
      return text.startsWith("host:") ? text.slice(5) : "";
    }),
    openDetails: (id: string, replace = false) => setParams({ open: `host:${id}` }, { replace }),
    closeDetails: () => setParams({ open: undefined }),
    installing: () => one(params.install) === "1",
    setInstalling: (on: boolean) => setParams({ install: on ? "1" : undefined }, { replace: true }),
  };
}

function byValue(a: Value, b: Value, down: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = a < b ? -1 : a > b ? 1 : 0;
  return down ? -order : order;
}

function Row(props: { row: HostRow; selected: boolean; onOpen: () => void }) {
  const r = () => (live.tick(), props.row);
  return (
    <tr
      data-row="host"
      data-id={props.row.id}
      data-muted={r().offline ? "" : undefined}
      aria-selected={props.selected}
      tabindex={0}
      onClick={props.onOpen}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.target === event.currentTarget) {
          event.stopPropagation();
          props.onOpen();
        }
      }}
    >
      <td>
        <Status level={r().level} label={r().why} />
      </td>
      <th scope="row" class="trunc">
        <span class="nm">{r().name}</span>
        <Show when={r().raw.hostname !== r().name}>
          <span class="muted text-xs ml-2">{r().raw.hostname}</span>
        </Show>
      </th>
      <td class="c-host-os p2 muted trunc" title={r().os}>
        {r().os || r().raw.platform || UNKNOWN}
      </td>
      <td class="c-cpu">
        <Meter value={r().cpu} over={r().cpuOver} limit={LIMITS.host.cpu} />
      </td>
      <td class="c-mem">
        <Meter
          value={r().mem}
          over={r().memOver}
          limit={LIMITS.host.mem}
          detail={
            r().mem === null ? undefined : (
              <Pair used={r().raw.memory?.used ?? 0} total={r().raw.memory?.total ?? 0} />
            )
          }
        />
      </td>
      <td class="c-dsk" title={r().fullest?.mountpoint}>
        <Meter
          value={r().disk}
          over={r().diskOver}
          limit={LIMITS.host.disk}
          detail={
            r().disk === null ? (
              r().offline && r().lastSeen > 0 ? (
                <>
                  last seen <Age at={r().lastSeen} />
                </>
              ) : undefined
            ) : (
              <Pair used={r().fullest?.used ?? 0} total={r().fullest?.total ?? 0} />
            )
          }
        />
      </td>
      <td class="c-load p4 num">
        {r().load === null ? <span class="muted">{UNKNOWN}</span> : r().load?.toFixed(2)}
      </td>
      <td class="c-load p3 num">
        <Show when={r().temp !== null} fallback={<span class="muted">{UNKNOWN}</span>}>
          <span data-tone={r().tempOver || undefined}>
            {temperature(r().temp ?? 0)[0]}
            <span class="u">{temperature(r().temp ?? 0)[1]}</span>
          </span>
        </Show>
      </td>
      <td class="c-up p2 num">
        {r().uptime === null ? <span class="muted">{UNKNOWN}</span> : duration(r().uptime ?? 0)}
      </td>
      <td class="c-up num">
        <Show
          when={!r().offline}
          fallback={
            <span data-tone="critical">
              <Age at={r().lastSeen} />
            </span>
          }
        >
          <span class="muted">
            <Age at={r().lastSeen} />
          </span>
        </Show>
      </td>
    </tr>
  );
}

function Third(props: { label: string; value: number | null; over: Over; limit: Limit }) {
  return (
    <div data-over={props.over || undefined}>
      <span>
        {props.label}
        <em>{props.value === null ? UNKNOWN : `${percent(props.value)} %`}</em>
      </span>
      <Bar value={props.value} limit={props.limit} />
    </div>
  );
}

function Card(props: { row: HostRow; onOpen: () => void }) {
  const r = () => (live.tick(), props.row);
  return (
    <button type="button" class="gc w-full" onClick={props.onOpen}>
      <div class="h">
        <Status level={r().level} label={r().why} />
        <b class="trunc">{r().name}</b>
        <small class="trunc">{r().os}</small>
        <small class="r">
          <Age at={r().lastSeen} />
        </small>
      </div>
      <div class="tri">
        <Third label="CPU" value={r().cpu} over={r().cpuOver} limit={LIMITS.host.cpu} />
        <Third label="Mem" value={r().mem} over={r().memOver} limit={LIMITS.host.mem} />
        <Third label="Disk" value={r().disk} over={r().diskOver} limit={LIMITS.host.disk} />
      </div>
    </button>
  );
}

export default function Hosts() {
  const page = createHosts();
  const phone = createMedia("(width < 640px)");
  let input: HTMLInputElement | undefined;
  let list: HTMLDivElement | undefined;
  const [cursor, setCursor] = createSignal("");
  const move = (step: number) => {
    const all = page.rows();
    const at = all.findIndex((row) => row.id === (page.open() || cursor()));
    const next = all[at + step];
    if (!next) return;
    setCursor(next.id);
    const element = list?.querySelector<HTMLElement>(`[data-id="${CSS.escape(next.id)}"]`);
    element?.focus();
    element?.scrollIntoView({ block: "nearest" });
    if (page.open()) page.openDetails(next.id, true);
  };
  createShortcuts([
    { keys: ["/"], label: "filter", run: () => input?.select() },
    { keys: ["j", "ArrowDown"], label: "next host", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "previous host", run: () => move(-1) },
    { keys: ["Enter"], label: "details of the host", run: () => cursor() && page.openDetails(cursor()) },
    { keys: ["Escape"], label: "close the details", run: () => page.open() && page.closeDetails() },
  ]);
  const chips: { value: "ok" | "problem" | "offline"; label: string; level: Level }[] = [
    { value: "problem", label: "Problems", level: "warning" },
    { value: "offline", label: "Offline", level: "critical" },
    { value: "ok", label: "OK", level: "ok" },
  ];
  const aged = () => live.freshness() === "lost" || live.freshness() === "stale";

  const filter = () => (
    <div
      class="input"
      style={phone() ? {} : { width: "260px", height: "30px", "font-size": "var(--text-sm)" }}
    >
      <Icon name="search" small />
      <input
        ref={input}
        type="search"
        aria-label="Filter hosts"
        placeholder="Filter hosts"
        value={page.query()}
        onInput={(event) => page.setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          if (page.query()) page.setQuery("");
          else event.currentTarget.blur();
        }}
      />
      <Show when={page.query()} fallback={<kbd class="phone:hidden">/</kbd>}>
        <span class="muted text-xs whitespace-nowrap">
          {page.matching().length} of {live.hosts().length}
        </span>
      </Show>
    </div>
  );
  const chipRow = () => (
    <For each={chips}>
      {(chip) => (
        <button
          type="button"
          class="chip"
          aria-pressed={page.status() === chip.value}
          onClick={() => page.toggleStatus(chip.value)}
        >
          <Show when={page.counts()[chip.value] > 0}>
            <Status level={chip.level} decorative />
          </Show>
          {chip.label} <b>{page.counts()[chip.value]}</b>
        </button>
      )}
    </For>
  );

  return (
    <>
      <div class="body" data-aged={aged() ? "" : undefined}>
        <main class="main">
          <h1 class="sr">Hosts</h1>
          <Show when={live.loaded()} fallback={<Loading />}>
            <Show
              when={live.hosts().length > 0}
              fallback={
                <div class="empty">
                  <SignalArt />
                  <h2>No host reports yet</h2>
                  <p>
                    A small agent on a machine reports its CPU, memory, disks, temperatures and RAID here.
                  </p>
                  <Show when={mayRead("settings:write")}>
                    <div class="row">
                      <Button kind="primary" onClick={() => page.setInstalling(true)}>
                        Install an agent
                      </Button>
                    </div>
                  </Show>
                </div>
              }
            >
              <Show
                when={!phone()}
                fallback={
                  <>
                    <div class="phone-filter">{filter()}</div>
                    <div class="fb" role="group" aria-label="Filters">
                      {chipRow()}
                    </div>
                  </>
                }
              >
                <div class="ctl">
                  {filter()}
                  <div class="chips">{chipRow()}</div>
                  <span class="spacer" />
                  <Show when={mayRead("settings:write")}>
                    <Button icon="plus" onClick={() => page.setInstalling(true)}>
                      Install an agent
                    </Button>
                  </Show>
                </div>
              </Show>
              <div class="scroll flex-1" ref={list} style={{ "overflow-x": "hidden" }}>
                <Show
                  when={!phone()}
                  fallback={
                    <div class="cards">
                      <For each={page.rows()}>
                        {(row) => <Card row={row} onOpen={() => page.openDetails(row.id)} />}
                      </For>
                    </div>
                  }
                >
                  <table class="grid-table hosts-table" role="grid" aria-label="Hosts">
                    <colgroup>
                      <col class="c-st" />
                      <col />
                      <For each={HEADS}>{(head) => <col class={head.class} />}</For>
                    </colgroup>
                    <thead>
                      <tr>
                        <th scope="col">
                          <span class="sr">State</span>
                        </th>
                        <th scope="col" aria-sort={ariaSort(page.sort().key === "name", page.sort().down)}>
                          <SortHead label="Host" sortKey="name" sort={page.sort()} onSort={page.sortBy} />
                        </th>
                        <For each={HEADS}>
                          {(head) => (
                            <th
                              scope="col"
                              class={head.class}
                              classList={{ num: head.num ?? false, mt: head.meter ?? false }}
                              aria-sort={ariaSort(page.sort().key === head.key, page.sort().down)}
                            >
                              <SortHead
                                label={head.label}
                                sortKey={head.key}
                                sort={page.sort()}
                                num={head.num}
                                onSort={page.sortBy}
                              />
                            </th>
                          )}
                        </For>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={page.rows()}>
                        {(row) => (
                          <Row
                            row={row}
                            selected={page.open() === row.id}
                            onOpen={() => page.openDetails(row.id, page.open() !== "")}
                          />
                        )}
                      </For>
                    </tbody>
                  </table>
                </Show>
                <Show when={page.rows().length === 0}>
                  <div class="empty">
                    <h2>No host matches</h2>
                    <p>Nothing is left of {plural(live.hosts().length, "host")} by this filter.</p>
                    <div class="row">
                      <Button
                        onClick={() => {
                          page.setQuery("");
                          if (page.status()) page.toggleStatus(page.status());
                        }}
                      >
                        Clear the filter
                      </Button>
                    </div>
                  </div>
                </Show>
              </div>
            </Show>
          </Show>
        </main>
        <Suspense>
          <Show when={page.open()}>
            <HostDetails id={page.open()} onClose={page.closeDetails} onMove={move} />
          </Show>
        </Suspense>
      </div>
      <Show when={!phone()}>
        <footer class="ftr">
          <span>
            {page.rows().length === live.hosts().length
              ? plural(live.hosts().length, "host")
              : `${page.rows().length} of ${plural(live.hosts().length, "host")}`}
          </span>
          <span class="spacer" />
          <span class="grp">
            <kbd>j</kbd>
            <kbd>k</kbd> move
          </span>
          <span class="grp">
            <kbd>Enter</kbd> details
          </span>
          <span class="grp">
            <kbd>?</kbd> all keys
          </span>
        </footer>
      </Show>
      <Show when={page.installing()}>
        <Dialog
          title="Install an agent"
          width={620}
          onClose={() => page.setInstalling(false)}
          footer={
            <>
              <span class="spacer" />
              <Button onClick={() => page.setInstalling(false)}>Done</Button>
            </>
          }
        >
          <InstallAgent />
        </Dialog>
      </Show>
    </>
  );
}
