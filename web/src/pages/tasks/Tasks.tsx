/** What Proxmox did: what runs and what failed first, errors in full. */
import { A } from "@solidjs/router";
import { createMemo, Show } from "solid-js";
import { errorText } from "@/api/client";
import type { TaskResource } from "@/api/proxmox";
import { Button } from "@/components/Button";
import { Copyable } from "@/components/Copy";
import { Drawer, Fact } from "@/components/drawer/Drawer";
import { createList, type Facet, type Grouping } from "@/components/list/controller";
import type { Column, NameColumn } from "@/components/list/columns";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Loading } from "@/components/list/Loading";
import { Opened } from "@/components/list/Opened";
import { rowConcerns, Strip } from "@/components/list/Strip";
import { Note, Status } from "@/components/Status";
import { Age } from "@/components/Values";
import { absolute, duration, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { makeLanguage } from "@/query/query";
import { makeTask, STATE_ORDER, type TaskRow } from "./task";
import { createTasks } from "./tasks";

const seconds = (row: TaskRow): number =>
  Math.max(0, ((row.raw.endTime ?? live.serverNow()) - row.raw.startTime) / 1000);

const NAME: NameColumn<TaskRow> = {
  label: "Task",
  sort: (r) => r.name,
  cell: (r) => (
    <span class="row" style={{ gap: "6px" }}>
      <span class="nm trunc shrink-0">{r().name}</span>
      <span class="muted trunc">{r().target}</span>
    </span>
  ),
};

const COLUMNS: readonly Column<TaskRow>[] = [
  {
    key: "result",
    label: "Result",
    width: 460,
    narrow: 260,
    priority: 1,
    sort: (r) => STATE_ORDER[r.state],
    ascending: true,
    tip: (r) => (r.state === "failed" ? r.raw.status : undefined),
    cell: (r) => (
      <span class={r().state === "failed" || r().state === "warnings" ? undefined : "muted"}>{r().why}</span>
    ),
  },
  {
    key: "node",
    label: "Node",
    width: 96,
    priority: 2,
    sort: (r) => r.raw.node,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.node}</span>,
  },
  {
    key: "user",
    label: "User",
    width: 150,
    priority: 3,
    sort: (r) => r.raw.user,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.user}</span>,
  },
  {
    key: "type",
    label: "Type",
    width: 120,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.raw.type,
    ascending: true,
    cell: (r) => <span class="mono muted">{r().raw.type}</span>,
  },
  {
    key: "cluster",
    label: "Connection",
    width: 110,
    priority: 4,
    hiddenAtFirst: true,
    sort: (r) => r.raw.instance,
    ascending: true,
    cell: (r) => <span class="muted">{r().raw.instance}</span>,
  },
  {
    key: "took",
    label: "Took",
    width: 96,
    priority: 2,
    num: true,
    sort: seconds,
    cell: (r) => (
      <span class={r().state === "running" ? undefined : "muted"}>
        {r().state === "running" ? "for " : ""}
        {duration(seconds(r()))}
      </span>
    ),
  },
  {
    key: "start",
    label: "Started",
    width: 96,
    priority: 1,
    num: true,
    sort: (r) => r.raw.startTime,
    cell: (r) => (
      <span class="muted">
        <Age at={r().raw.startTime} />
      </span>
    ),
  },
];

const LANGUAGE = makeLanguage<TaskRow>({
  haystack: (r) => r.haystack,
  what: ["task", "tasks"],
  fields: [
    { name: "node", help: "on this node", text: (r) => r.raw.node, exact: true, values: (r) => [r.raw.node] },
    {
      name: "type",
      help: "vzdump, qmstart …",
      text: (r) => [r.raw.type, r.name.toLowerCase()],
      exact: true,
      values: (r) => [r.raw.type],
    },
    { name: "guest", aliases: ["target", "name"], help: "guest or target contains", text: (r) => r.target },
    {
      name: "id",
      aliases: ["vmid"],
      help: "guest id",
      text: (r) => String(r.raw.vmid ?? ""),
      number: (r) => r.raw.vmid ?? null,
      unit: "count",
    },
    { name: "user", help: "started by", text: (r) => r.raw.user, values: (r) => [r.raw.user] },
    {
      name: "status",
      aliases: ["is"],
      help: "running, failed, warnings, ok",
      exact: true,
      words: ["running", "failed", "warnings", "ok", "unknown"],
      text: (r) => r.state,
      values: (r) => [r.state],
    },
    { name: "error", help: "error contains", text: (r) => (r.state === "failed" ? r.raw.status : "") },
    { name: "instance", help: "connection", text: (r) => r.raw.instance, values: (r) => [r.raw.instance] },
    { name: "took", help: "how long, such as 10min", number: seconds, unit: "duration" },
    {
      name: "age",
      help: "started before, such as 2h",
      number: (r) => (Date.now() - r.raw.startTime) / 1000,
      unit: "duration",
    },
  ],
  examples: [
    ["is:failed age<24h", "failed today"],
    ["type:vzdump took>30min", "long backups"],
    ["user:root", "by hand"],
  ],
});

const state = (
  value: TaskRow["state"],
  label: string,
  level: Facet<TaskRow>["level"] & string,
  quiet = false,
): Facet<TaskRow> => ({ param: "st", value, label, level, quiet, test: (r) => r.state === value });

const FACETS: readonly Facet<TaskRow>[] = [
  state("running", "Running", "notice"),
  state("failed", "Failed", "critical"),
  state("warnings", "Warnings", "warning", true),
  state("ok", "OK", "ok"),
  { param: "kind", value: "backup", label: "Backups", test: (r) => r.raw.type === "vzdump", apart: true },
  {
    param: "kind",
    value: "guest",
    label: "Guests",
    test: (r) => r.raw.vmid !== undefined && r.raw.type !== "vzdump",
  },
];

const STATE_TITLE: Record<TaskRow["state"], string> = {
  running: "Running",
  failed: "Failed",
  warnings: "Ended with warnings",
  unknown: "Unknown end",
  ok: "Succeeded",
};

const GROUPINGS: readonly Grouping<TaskRow>[] = [
  {
    value: "state",
    label: "Result",
    keys: (r) => [r.state],
    title: (key) => STATE_TITLE[key as TaskRow["state"]],
    order: (key) => STATE_ORDER[key as TaskRow["state"]],
    meta: (rows) => plural(rows.length, "task"),
  },
  {
    value: "node",
    label: "Node",
    keys: (r) => [r.raw.node],
    title: (key) => key,
    meta: (rows) => plural(rows.length, "task"),
  },
  {
    value: "type",
    label: "Type",
    keys: (r) => [r.name],
    title: (key) => key,
    meta: (rows) => plural(rows.length, "task"),
  },
  {
    value: "user",
    label: "User",
    keys: (r) => [r.raw.user],
    title: (key) => key,
    meta: (rows) => plural(rows.length, "task"),
  },
];

function Details(props: {
  rows: () => readonly TaskRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="task" onClose={props.onClose}>
      {(r) => {
        const guest = () =>
          r().raw.vmid
            ? live.guests().find((g) => g.vmid === r().raw.vmid && g.node === r().raw.node)
            : undefined;
        return (
          <Drawer
            level={r().level}
            why={r().why}
            title={`${r().name} ${r().target}`}
            badge={r().raw.type}
            what="task"
            onClose={props.onClose}
            onMove={props.onMove}
            meta={
              <>
                <span>{r().raw.node}</span>
                <i>/</i>
                <span>{r().raw.instance}</span>
                <i>·</i>
                <span>
                  <Age at={r().raw.startTime} />
                </span>
              </>
            }
          >
            <Show when={r().state === "failed" || r().state === "warnings"}>
              <div class="mt-3">
                <Note level={r().level}>
                  <b class="font-semibold">{r().state === "failed" ? "It failed" : r().why}</b>
                  <p class="mono text-xs mt-1 whitespace-pre-wrap break-words">{r().raw.status}</p>
                  <p class="text-xs mt-1 muted">Proxmox keeps the whole log: {r().raw.node}, Task History.</p>
                </Note>
              </div>
            </Show>
            <section class="dsec">
              <h3>Run</h3>
              <dl class="facts">
                <Fact name="State">{STATE_TITLE[r().state].toLowerCase()}</Fact>
                <Fact name="Started">{absolute(new Date(r().raw.startTime))}</Fact>
                <Fact name="Ended">
                  {r().raw.endTime
                    ? absolute(new Date(r().raw.endTime ?? 0))
                    : r().state === "running"
                      ? "it runs"
                      : UNKNOWN}
                </Fact>
                <Fact name="Took">{duration(seconds(r()))}</Fact>
                <Fact name="User">{r().raw.user}</Fact>
                <Show when={r().target}>
                  <Fact name="Target">
                    <Show when={guest()} fallback={r().target}>
                      {(g) => (
                        <A href={`/proxmox/overview?open=${encodeURIComponent(`guest:${g().id}`)}`}>
                          {r().target}
                        </A>
                      )}
                    </Show>
                  </Fact>
                </Show>
                <Fact name="UPID">
                  <Copyable text={r().raw.upid} label="the UPID" />
                </Fact>
              </dl>
            </section>
          </Drawer>
        );
      }}
    </Opened>
  );
}

export default function Tasks() {
  const source = createTasks();
  const names = createMemo(() => {
    live.structure();
    const map = new Map<string, string>();
    for (const guest of live.guests()) map.set(`${guest.instance} ${guest.vmid}`, guest.name);
    return map;
  });
  const rows = createRows<TaskResource, TaskRow>(source.tasks, (raw) =>
    makeTask(raw, (instance, vmid) => names().get(`${instance} ${vmid}`)),
  );
  const list = createList<TaskRow>({
    key: "tasks",
    kind: "task",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(NAME, COLUMNS, (r) => STATE_ORDER[r.state]),
    order: (a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || b.raw.startTime - a.raw.startTime,
    groupings: GROUPINGS,
    defaultGroup: "state",
  });
  /** A failure of last week is in the list; the strip speaks of the last day. */
  const concerns = createMemo(() =>
    rowConcerns(
      rows().filter((r) => r.state === "failed" && live.serverNow() - r.raw.startTime < 86_400_000),
      "task",
      (row) => ({ title: `${row.name} ${row.target}`, detail: row.raw.status, since: row.raw.startTime }),
      list.openRow,
    ),
  );
  const running = createMemo(() => rows().filter((r) => r.state === "running").length);
  return (
    <ListPage
      list={list}
      title="Tasks"
      name={NAME}
      columns={COLUMNS}
      example="is:failed type:vzdump"
      muted={(row) => row.level === "unknown"}
      before={() => (
        <>
          <Strip
            concerns={concerns()}
            calm={`No task failed in the last 24 hours${running() > 0 ? `; ${plural(running(), "task")} running` : ""}.`}
          />
          <GapNote capability={/task/i} />
          <Show when={source.error()}>
            {(error) => (
              <div class="gap-note">
                <Note level="warning" role="alert">
                  The list is not up to date: {errorText(error())}
                </Note>
              </div>
            )}
          </Show>
        </>
      )}
      empty={() => (
        <Show when={!source.loading()} fallback={<Loading />}>
          <Show
            when={source.error()}
            fallback={
              <Empty title="No tasks are reported" capability={/task/i}>
                Proxmox lists what was started, backed up or migrated. Nothing was, or the account that Pulse
                uses sees only its own tasks: grant <span class="mono">Sys.Audit</span> to see all.
              </Empty>
            }
          >
            {(error) => (
              <div class="empty" role="alert">
                <h2>The tasks could not be read</h2>
                <p>{errorText(error())}</p>
                <div class="row">
                  <Button kind="primary" onClick={source.retry}>
                    Try again
                  </Button>
                </div>
              </div>
            )}
          </Show>
        </Show>
      )}
      foot={() => (
        <>
          <span>
            {list.filtered()
              ? `${list.shown().length} of ${plural(rows().length, "task")}`
              : plural(rows().length, "task")}
          </span>
          <span class="grp">running ones and the newest of each server</span>
        </>
      )}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc">
              {row().name} {row().target}
            </b>
            <small class="r">
              <Age at={row().raw.startTime} />
            </small>
          </div>
          <div class="h">
            <small class="trunc" data-tone={row().state === "failed" ? "critical" : undefined}>
              {row().why}
            </small>
            <small class="r">
              {row().raw.node}, {duration(seconds(row()))}
            </small>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <Details rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}
