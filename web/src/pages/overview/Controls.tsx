import { For, Show } from "solid-js";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Menu } from "@/components/Menu";
import { QueryField } from "@/components/query/QueryField";
import { Segmented } from "@/components/Segmented";
import { Status } from "@/components/Status";
import { live } from "@/live/live";
import type { Level } from "@/model/level";
import { prefs, setPrefs, type GroupBy } from "@/prefs/prefs";
import { suggest } from "@/query/suggest";
import { COLUMNS, hiddenColumns, orderedColumns } from "./columns";
import type { OverviewState } from "./controller";

export function GuestQuery(props: {
  page: OverviewState;
  example?: string;
  ref?: (el: HTMLInputElement) => void;
}) {
  return (
    <QueryField
      value={props.page.query()}
      onInput={props.page.setQuery}
      onCommit={props.page.keepQuery}
      parsed={props.page.parsed()}
      found={props.page.counts().all}
      total={live.guests().length}
      what="guests"
      {...(props.example ? { example: props.example } : {})}
      {...(props.ref ? { ref: props.ref } : {})}
      suggestions={(text, caret) => suggest(text, caret, live.guests(), prefs.recentQueries)}
      onForget={(query) => setPrefs("recentQueries", (all) => all.filter((q) => q !== query))}
    />
  );
}

export function Chip(props: {
  label: string;
  count: number;
  level?: Level;
  pressed: boolean;
  onClick: () => void;
}) {
  return (
    <button type="button" class="chip" aria-pressed={props.pressed} onClick={props.onClick}>
      <Show when={props.level && props.count > 0} keyed>
        <Status level={props.level ?? "ok"} decorative />
      </Show>
      {props.label} <b>{props.count}</b>
    </button>
  );
}

const GROUPS: { value: GroupBy; label: string }[] = [
  { value: "node", label: "Node" },
  { value: "tag", label: "Tag" },
  { value: "pool", label: "Pool" },
  { value: "instance", label: "Cluster" },
  { value: "none", label: "Nothing" },
];

export function ViewMenu(props: { page: OverviewState; phone?: boolean }) {
  const toggleColumn = (key: string) => {
    const hidden = hiddenColumns();
    setPrefs("hidden", "guests", hidden.includes(key) ? hidden.filter((k) => k !== key) : [...hidden, key]);
  };
  const moveColumn = (key: string, step: number) => {
    const order = orderedColumns().map((c) => c.key);
    const from = order.indexOf(key);
    const to = from + step;
    if (to < 0 || to >= order.length) return;
    order.splice(to, 0, ...order.splice(from, 1));
    setPrefs("order", "guests", order);
  };
  return (
    <Menu
      label="View"
      width={268}
      button={(attrs) => (
        <Show
          when={!props.phone}
          fallback={
            <button type="button" class="tb" aria-label="View options" {...attrs}>
              <Icon name="view" />
            </button>
          }
        >
          <Button icon="view" {...attrs}>
            View
          </Button>
        </Show>
      )}
    >
      {() => (
        <>
          <div class="mh">Group by</div>
          <For each={GROUPS}>
            {(group) => (
              <button
                type="button"
                class="mi"
                aria-pressed={props.page.groupBy() === group.value}
                onClick={() => props.page.setGroupBy(group.value)}
              >
                <Show when={props.page.groupBy() === group.value} fallback={<span class="no-ico" />}>
                  <Icon name="check" small />
                </Show>
                {group.label}
              </button>
            )}
          </For>
          <Show when={!props.phone}>
            <hr />
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
            <div class="mh">Columns</div>
            <For each={orderedColumns()}>
              {(column, i) => (
                <div class="row px-2" style={{ height: "26px", gap: "2px" }}>
                  <label class="check flex-1">
                    <input
                      type="checkbox"
                      checked={!hiddenColumns().includes(column.key)}
                      onChange={() => toggleColumn(column.key)}
                    />
                    {column.label}
                  </label>
                  <Button
                    size="sm"
                    kind="ghost"
                    icon="up"
                    label={`Move ${column.label} to the left`}
                    disabled={i() === 0}
                    onClick={() => moveColumn(column.key, -1)}
                  />
                  <Button
                    size="sm"
                    kind="ghost"
                    icon="down"
                    label={`Move ${column.label} to the right`}
                    disabled={i() === COLUMNS.length - 1}
                    onClick={() => moveColumn(column.key, 1)}
                  />
                </div>
              )}
            </For>
            <button
              type="button"
              class="mi muted"
              onClick={() => {
                setPrefs("order", "guests", []);
                setPrefs(
                  "hidden",
                  "guests",
                  COLUMNS.filter((c) => c.hiddenAtFirst).map((c) => c.key),
                );
              }}
            >
              <span class="no-ico" />
              Columns as delivered
            </button>
            <hr />
            <div class="row px-2 py-1">
              Density
              <span class="spacer" />
              <Segmented
                label="Row height"
                size="sm"
                value={prefs.density}
                onChange={(value) => setPrefs("density", value)}
                options={[
                  { value: "normal", label: "28" },
                  { value: "compact", label: "24" },
                ]}
              />
            </div>
          </Show>
        </>
      )}
    </Menu>
  );
}

export function Chips(props: { page: OverviewState }) {
  const c = () => props.page.counts();
  return (
    <>
      <Chip
        label="Problems"
        level="warning"
        count={c().problems}
        pressed={props.page.problemsOnly()}
        onClick={() => props.page.toggle("problems", "1")}
      />
      <span class="vsep" />
      <Chip
        label="VM"
        count={c().VM}
        pressed={props.page.type() === "vm"}
        onClick={() => props.page.toggle("type", "vm")}
      />
      <Chip
        label="CT"
        count={c().CT}
        pressed={props.page.type() === "ct"}
        onClick={() => props.page.toggle("type", "ct")}
      />
      <span class="vsep p2" />
      <span class="chips p2">
        <Chip
          label="Running"
          level="ok"
          count={c().running}
          pressed={props.page.power() === "running"}
          onClick={() => props.page.toggle("st", "running")}
        />
        <Chip
          label="Off"
          level="off"
          count={c().off}
          pressed={props.page.power() === "off"}
          onClick={() => props.page.toggle("st", "off")}
        />
        <Show when={c().paused > 0 || props.page.power() === "paused"}>
          <Chip
            label="Paused"
            level="paused"
            count={c().paused}
            pressed={props.page.power() === "paused"}
            onClick={() => props.page.toggle("st", "paused")}
          />
        </Show>
        <Show when={c().unknown > 0 || props.page.power() === "unknown"}>
          <Chip
            label="Unknown"
            level="unknown"
            count={c().unknown}
            pressed={props.page.power() === "unknown"}
            onClick={() => props.page.toggle("st", "unknown")}
          />
        </Show>
      </span>
    </>
  );
}

export function Controls(props: {
  page: OverviewState;
  narrow: boolean;
  queryRef: (el: HTMLInputElement) => void;
}) {
  return (
    <div class="ctl-sticky">
      <div class="ctl">
        <GuestQuery
          page={props.page}
          ref={props.queryRef}
          {...(props.narrow ? {} : { example: "cpu>80 tag:prod" })}
        />
        <div class="chips">
          <Chips page={props.page} />
          <Show when={props.page.filtered()}>
            <Button size="sm" kind="ghost" onClick={props.page.reset}>
              Reset
            </Button>
          </Show>
        </div>
        <span class="spacer" />
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
        <ViewMenu page={props.page} />
      </div>
      <QueryError page={props.page} />
    </div>
  );
}

export function QueryError(props: { page: OverviewState }) {
  return (
    <Show when={props.page.parsed().error}>
      {(error) => (
        <p class="help query-help" data-error="" role="status">
          {error().message}
          <Show when={props.page.lastGood().text}>
            {" "}
            Still showing the result of <span class="mono">{props.page.lastGood().text}</span>.
          </Show>
        </p>
      )}
    </Show>
  );
}
