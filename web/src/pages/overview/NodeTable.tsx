import { createSignal, For, Show } from "solid-js";
import { Icon } from "@/components/Icon";
import { ColumnHead, StateHead } from "@/components/list/Heads";
import { Cols } from "@/components/list/ListTable";
import { Status } from "@/components/Status";
import { live } from "@/live/live";
import { nodeLink, type NodeRow } from "@/model/node";
import type { CellContext } from "./columns";

const FIRST = 12;

function Row(props: { row: NodeRow; ctx: CellContext }) {
  const r = () => (live.tick(), props.row);
  const selected = () => {
    const open = props.ctx.page.open();
    return open?.kind === "node" && open.id === props.row.id;
  };
  const details = () => props.ctx.page.openDetails("node", props.row.id);
  return (
    <tr
      data-row="node"
      data-id={props.row.id}
      data-muted={r().offline ? "" : undefined}
      aria-selected={selected()}
      tabindex={0}
      onClick={details}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.target === event.currentTarget) {
          event.stopPropagation();
          details();
        }
      }}
    >
      <td data-tip="status">
        <Status level={r().level} label={r().why} />
      </td>
      <th scope="row" class="trunc">
        <span class="row" style={{ gap: "6px" }}>
          <span class="nm trunc shrink-0 max-w-[70%]">{r().name}</span>
          <Show when={nodeLink(r().raw)} keyed>
            {(url) => (
              <a
                class="muted ext"
                href={url}
                target="_blank"
                rel="noreferrer noopener"
                tabindex={-1}
                aria-label={`Open the web interface of ${r().name}`}
                title={`Open ${url}`}
                onClick={(event) => event.stopPropagation()}
              >
                <Icon name="ext" small />
              </a>
            )}
          </Show>
          <span class="muted text-xs trunc font-normal">{r().place}</span>
          <Show when={r().raw.linkedHostAgentId}>
            <span class="muted flex-none" title="A Pulse agent runs on this node">
              <Icon name="host" small />
              <span class="sr"> + agent</span>
            </span>
          </Show>
        </span>
      </th>
      <For each={props.ctx.columns()}>
        {(column) => (
          <td classList={{ num: column.num ?? false }} data-tip={column.tip ? column.key : undefined}>
            {column.node(r, props.ctx)}
          </td>
        )}
      </For>
    </tr>
  );
}

export function NodeTable(props: { ctx: CellContext }) {
  const page = props.ctx.page;
  const [all, setAll] = createSignal(false);
  const shown = () => (all() ? page.nodes() : page.nodes().slice(0, FIRST));
  return (
    <>
      <table class="grid-table" role="grid" aria-label="Nodes">
        <Cols columns={props.ctx.columns()} narrow={props.ctx.narrow()} />
        <thead>
          <tr>
            <StateHead sort={page.nodeSort()} />
            <ColumnHead head="Node" sortKey="name" sort={page.nodeSort()} onSort={page.sortNodes} />
            <For each={props.ctx.columns()}>
              {(column) => (
                <ColumnHead
                  head={column.nodeHead}
                  sortKey={column.nodeSort ? column.key : undefined}
                  sort={page.nodeSort()}
                  onSort={page.sortNodes}
                  num={column.num}
                  meter={column.meter}
                />
              )}
            </For>
          </tr>
        </thead>
        <tbody>
          <For each={shown()}>{(row) => <Row row={row} ctx={props.ctx} />}</For>
        </tbody>
      </table>
      <Show when={page.nodes().length > FIRST}>
        <button type="button" class="more muted text-xs" aria-expanded={all()} onClick={() => setAll(!all())}>
          <Icon name={all() ? "up" : "down"} small />
          {all() ? "Show the first twelve" : `${page.nodes().length - FIRST} more nodes`}
        </button>
      </Show>
    </>
  );
}
