/** The line above a list: query, chips, view options. */
import { For, Show, type JSX } from "solid-js";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Menu } from "@/components/Menu";
import { QueryField } from "@/components/query/QueryField";
import { ScrollRow } from "@/components/ScrollRow";
import { Segmented } from "@/components/Segmented";
import { Status } from "@/components/Status";
import type { Level } from "@/model/level";
import { prefs, setPrefs } from "@/prefs/prefs";
import type { ColumnChoice } from "./columns";
import type { List, ListRow } from "./controller";

export function ListQuery<T extends ListRow>(props: {
  list: List<T>;
  example?: string | undefined;
  ref?: ((el: HTMLInputElement) => void) | undefined;
}) {
  return (
    <QueryField
      value={props.list.query()}
      onInput={props.list.setQuery}
      onCommit={props.list.keepQuery}
      parsed={props.list.parsed()}
      found={props.list.matching().length}
      total={props.list.setup.rows().length}
      what={props.list.setup.language.what[1]}
      {...(props.example ? { example: props.example } : {})}
      {...(props.ref ? { ref: props.ref } : {})}
      suggestions={props.list.suggestions}
      onForget={props.list.forget}
    />
  );
}

export function QueryError<T extends ListRow>(props: { list: List<T> }) {
  return (
    <Show when={props.list.parsed().error}>
      {(error) => (
        <p class="help query-help" data-error="" role="status">
          {error().message}
          <Show when={props.list.lastGood().text}>
            {" "}
            Still showing the result of <span class="mono">{props.list.lastGood().text}</span>.
          </Show>
        </p>
      )}
    </Show>
  );
}

export function Chip(props: {
  label: string;
  count: number;
  level?: Level | undefined;
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

export function Chips<T extends ListRow>(props: { list: List<T> }) {
  return (
    <For each={props.list.setup.facets}>
      {(facet) => {
        const count = () => props.list.counts().get(facet) ?? 0;
        return (
          <Show when={!facet.quiet || count() > 0 || props.list.isOn(facet)}>
            <Show when={facet.apart}>
              <span class="vsep" />
            </Show>
            <Chip
              label={facet.label}
              level={facet.level}
              count={count()}
              pressed={props.list.isOn(facet)}
              onClick={() => props.list.toggle(facet.param, facet.value)}
            />
          </Show>
        );
      }}
    </For>
  );
}

function GroupOptions<T extends ListRow>(props: { list: List<T> }) {
  const options = () => [...(props.list.setup.groupings ?? []), { value: "none", label: "Nothing" }];
  return (
    <Show when={props.list.setup.groupings?.length}>
      <div class="mh">Group by</div>
      <For each={options()}>
        {(group) => (
          <button
            type="button"
            class="mi"
            aria-pressed={props.list.groupBy() === group.value}
            onClick={() => props.list.setGroupBy(group.value)}
          >
            <Show when={props.list.groupBy() === group.value} fallback={<span class="no-ico" />}>
              <Icon name="check" small />
            </Show>
            {group.label}
          </button>
        )}
      </For>
    </Show>
  );
}

/** On a phone the heads are not there to click. */
function SortOptions<T extends ListRow>(props: {
  list: List<T>;
  sorts: readonly { key: string; label: string }[];
}) {
  return (
    <>
      <hr />
      <div class="mh">Sort by</div>
      <For each={props.sorts}>
        {(option) => (
          <button
            type="button"
            class="mi"
            aria-pressed={props.list.sort().key === option.key}
            onClick={() => props.list.sortBy(option.key)}
          >
            <Show when={props.list.sort().key === option.key} fallback={<span class="no-ico" />}>
              <Icon name={props.list.sort().down ? "arrowDown" : "arrowUp"} small />
            </Show>
            {option.label}
          </button>
        )}
      </For>
    </>
  );
}

function ColumnOptions(props: { choice: ColumnChoice }) {
  return (
    <>
      <div class="mh">Columns</div>
      <For each={props.choice.ordered()}>
        {(column, i) => (
          <div class="row px-2" style={{ height: "26px", gap: "2px" }}>
            <label class="check flex-1">
              <input
                type="checkbox"
                checked={!props.choice.hidden().includes(column.key)}
                onChange={() => props.choice.toggle(column.key)}
              />
              {column.label}
            </label>
            <Button
              size="sm"
              kind="ghost"
              icon="up"
              label={`Move ${column.label} to the left`}
              disabled={i() === 0}
              onClick={() => props.choice.move(column.key, -1)}
            />
            <Button
              size="sm"
              kind="ghost"
              icon="down"
              label={`Move ${column.label} to the right`}
              disabled={i() === props.choice.ordered().length - 1}
              onClick={() => props.choice.move(column.key, 1)}
            />
          </div>
        )}
      </For>
      <button type="button" class="mi muted" onClick={props.choice.reset}>
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
    </>
  );
}

export function ViewMenu<T extends ListRow>(props: {
  list: List<T>;
  choice: ColumnChoice;
  phone?: boolean;
  /** What a phone offers to sort by. */
  sorts?: readonly { key: string; label: string }[];
  /** Between groups and columns. */
  children?: JSX.Element;
}) {
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
          <GroupOptions list={props.list} />
          <Show when={props.phone && props.sorts?.length}>
            <SortOptions list={props.list} sorts={props.sorts ?? []} />
          </Show>
          <Show when={!props.phone}>
            <Show when={props.list.setup.groupings?.length}>
              <hr />
            </Show>
            {props.children}
            <ColumnOptions choice={props.choice} />
          </Show>
        </>
      )}
    </Menu>
  );
}

export function Controls<T extends ListRow>(props: {
  list: List<T>;
  /** Room is short: no example in the query field. */
  narrow: boolean;
  example?: string;
  queryRef: (el: HTMLInputElement) => void;
  children?: JSX.Element;
}) {
  return (
    <div class="ctl-sticky">
      <div class="ctl">
        <ListQuery
          list={props.list}
          ref={props.queryRef}
          example={props.narrow ? undefined : props.example}
        />
        <ScrollRow class="chips" label="Filters">
          <Chips list={props.list} />
          <Show when={props.list.filtered()}>
            <Button size="sm" kind="ghost" onClick={props.list.reset}>
              Reset
            </Button>
          </Show>
        </ScrollRow>
        {props.children}
      </div>
      <QueryError list={props.list} />
    </div>
  );
}

export function NoMatch<T extends ListRow>(props: { list: List<T> }) {
  const fix = () => props.list.fix();
  const [name, names] = props.list.setup.language.what;
  const count = (n: number) => `${n} ${n === 1 ? name : names}`;
  return (
    <div class="empty">
      <h2>No {name} matches</h2>
      <Show
        when={fix()}
        fallback={
          <p>
            <Show when={props.list.lastGood().text} fallback={`No ${name} is left by these filters.`}>
              Nothing is left of {count(props.list.setup.rows().length)} by{" "}
              <span class="mono">{props.list.lastGood().text}</span>
              {props.list.chosen().length > 0 ? " and the chips" : ""}.
            </Show>
          </p>
        }
      >
        {(f) => (
          <p>
            There is no {f().field} <span class="mono">{f().wrong}</span>. Did you mean{" "}
            <span class="mono">{f().right}</span> ({count(f().count)})?
          </p>
        )}
      </Show>
      <div class="row">
        <Show when={fix()}>
          {(f) => (
            <Button kind="primary" onClick={() => props.list.setQuery(f().query)}>
              Use {f().field}:{f().right}
            </Button>
          )}
        </Show>
        <Button onClick={props.list.reset}>Clear all filters</Button>
      </div>
    </div>
  );
}
