/** Which guest is protected how well: guest by job, last good backup, verification. Unprotected guests first. */
import { A, useNavigate } from "@solidjs/router";
import { createEffect, createMemo, createSignal, For, onCleanup, Show, type JSX } from "solid-js";
import * as api from "@/api/backups";
import { Asking, AskedLate } from "@/components/Asking";
import { Drawer, Fact, Gone } from "@/components/drawer/Drawer";
import { SignalArt } from "@/components/Icon";
import { createList, type Facet, type Grouping } from "@/components/list/controller";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Note, Status } from "@/components/Status";
import { Age, Bytes } from "@/components/Values";
import { absolute, plural, UNKNOWN } from "@/format/format";
import { createAsked } from "@/live/asked";
import { live } from "@/live/live";
import { LEVEL_ORDER } from "@/model/level";
import { Chart } from "./Chart";
import { COVERAGE_COLUMNS, COVERAGE_NAME } from "./columns";
import { COVERAGE } from "./language";
import { backupRevision, guestLookup, Hint, snapshotRevision, taskRevision, ViewSwitch } from "./parts";
import {
  byGuest,
  COVERAGE_ORDER,
  makeCoverage,
  makeRows,
  mergeNewest,
  snapshotRows,
  STATE_WORD,
  type CoverageRow,
  type CoverageState,
  type GuestBackups,
} from "./rows";
import { makeTask, type TaskRow } from "../tasks/task";

const OLD_SNAPSHOT = 30 * 86_400_000;
const oldSnapshot = (r: CoverageRow) =>
  Date.now() - (r.more?.oldestSnapshot ?? Number.POSITIVE_INFINITY) > OLD_SNAPSHOT;
const wantsCare = (r: CoverageRow) => r.level === "critical" || r.level === "warning";

const FACETS: readonly Facet<CoverageRow>[] = [
  { param: "st", value: "attention", label: "Attention", level: "warning", test: wantsCare },
  {
    param: "st",
    value: "uncovered",
    label: "In no job",
    test: (r) => r.state === "uncovered",
    quiet: true,
  },
  {
    param: "st",
    value: "protected",
    label: "Protected",
    test: (r) => r.state === "ok" || r.state === "unverified",
    apart: true,
  },
  {
    param: "st",
    value: "unverified",
    label: "Not verified",
    test: (r) => r.state === "unverified",
    quiet: true,
  },
  { param: "st", value: "snapshots", label: "Old snapshots", test: oldSnapshot, quiet: true },
  {
    param: "st",
    value: "excluded",
    label: "Templates",
    level: "off",
    test: (r) => r.state === "excluded",
    quiet: true,
  },
];

const GROUPINGS: readonly Grouping<CoverageRow>[] = [
  {
    value: "state",
    label: "State",
    keys: (r) => [r.state],
    title: (key) => STATE_WORD[key as CoverageState] ?? key,
    meta: (rows) => plural(rows.length, "guest"),
    order: (key) => COVERAGE_ORDER[key as CoverageState] ?? 9,
  },
  {
    value: "node",
    label: "Node",
    keys: (r) => [r.raw.node],
    title: (key) => key || "No node",
    meta: (rows) => `${rows.filter((r) => !wantsCare(r)).length} of ${rows.length} protected`,
  },
  {
    value: "job",
    label: "Job",
    keys: (r) => (r.jobs.length ? r.jobs.map((j) => j.comment || j.id) : [""]),
    title: (key) => key || "In no job",
    meta: (rows) => plural(rows.length, "guest"),
    order: (key) => (key === "" ? "" : key),
  },
];

const POST: readonly { states: CoverageState[]; label: string; facet: string }[] = [
  { states: ["ok"], label: "Fresh and verified", facet: "protected" },
  { states: ["unverified"], label: "Fresh, not verified", facet: "unverified" },
  { states: ["late"], label: "Late, its job missed it", facet: "attention" },
  { states: ["uncovered", "unknown"], label: "In no job", facet: "uncovered" },
  { states: ["none", "damaged"], label: "No backup to restore", facet: "attention" },
];

function Summary(props: { rows: readonly CoverageRow[]; onFacet: (value: string) => void }) {
  const parts = createMemo(() =>
    POST.map((part) => ({
      ...part,
      count: props.rows.filter((r) => part.states.includes(r.state)).length,
    })),
  );
  const wanted = () => props.rows.filter((r) => r.state !== "excluded").length;
  const level = (i: number) => (["ok", "notice", "warning", "warning", "critical"] as const)[i] ?? "ok";
  return (
    <div>
      <div class="bk-h">
        <ViewSwitch view="coverage" />
        <span class="muted text-xs">{plural(wanted(), "guest")} that should have a backup</span>
      </div>
      <div class="bk-post" aria-hidden="true">
        <For each={parts()}>
          {(part, i) => (
            <Show when={part.count > 0}>
              <i data-part={i()} style={{ flex: String(part.count) }} />
            </Show>
          )}
        </For>
      </div>
      <For each={parts()}>
        {(part, i) => (
          <Show when={part.count > 0 || i() === 0}>
            <button type="button" class="bk-part" onClick={() => props.onFacet(part.facet)}>
              <Status level={level(i())} decorative />
              <span>{part.label}</span>
              <b data-tone={level(i()) === "warning" || level(i()) === "critical" ? level(i()) : undefined}>
                {part.count}
              </b>
            </button>
          </Show>
        )}
      </For>
    </div>
  );
}

function Failures(props: { tasks: readonly TaskRow[] | undefined; failure: string }) {
  return (
    <div>
      <div class="bk-h">
        <h2>Failed backup tasks</h2>
        <span class="muted text-xs">last 3 days</span>
      </div>
      <Show
        when={props.tasks}
        fallback={
          <p class="muted text-xs">
            {props.failure ? `Tasks could not be read: ${props.failure}` : "Asking"}
          </p>
        }
      >
        {(tasks) => (
          <>
            <For
              each={tasks().slice(0, 3)}
              fallback={
                <p class="muted text-xs row" style={{ gap: "6px" }}>
                  <Status level="ok" decorative /> None that is known.
                </p>
              }
            >
              {(task) => (
                <A class="bk-task" href={`/proxmox/tasks?open=${encodeURIComponent(`task:${task.id}`)}`}>
                  <Status level={task.level} decorative />
                  <b class="trunc">{[task.name, task.target].filter(Boolean).join(", ")}</b>
                  <span class="muted">
                    <Age at={task.raw.startTime} bare />
                  </span>
                  <span class="p trunc" title={task.why}>
                    {task.why}
                  </span>
                </A>
              )}
            </For>
            <Show when={tasks().length > 3}>
              <A class="text-xs text-accent" href="/proxmox/tasks?q=backup">
                {tasks().length - 3} more
              </A>
            </Show>
          </>
        )}
      </Show>
    </div>
  );
}

function Details(props: {
  row: CoverageRow | undefined;
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  const navigate = useNavigate();
  return (
    <Show when={props.row} fallback={<Gone what="guest" id={props.id} onClose={props.onClose} />}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name}
          badge={`${r().raw.type === "qemu" ? "VM" : "CT"} ${r().raw.vmid}`}
          meta={
            <>
              {r().raw.node} in {r().raw.instance}
            </>
          }
          what="guest"
          onClose={props.onClose}
          onMove={props.onMove}
        >
          <Note level={r().level}>{r().why}</Note>
          <section class="dsec">
            <h3>Last good backup</h3>
            <dl class="facts">
              <Fact name="Made">
                <Show when={r().raw.lastGood} fallback="never">
                  {(at) => (
                    <>
                      {absolute(new Date(at()))}, <Age at={at()} />
                    </>
                  )}
                </Show>
              </Fact>
              <Fact name="Newest is on">
                {[r().more?.newest?.instance, r().more?.newest?.store].filter(Boolean).join(" / ") || UNKNOWN}
              </Fact>
              <Fact name="Verified">
                {r().raw.verified ? "yes" : "no"}
                <Show when={!r().raw.verified && r().raw.lastVerified}>
                  {(at) => (
                    <>
                      , the last that was is from <Age at={at()} />
                    </>
                  )}
                </Show>
              </Fact>
              <Fact name="Size">
                <Bytes value={r().more?.newest?.size ?? null} />
              </Fact>
              <Fact name="Backups kept">
                {r().raw.count}
                <Show when={r().raw.damaged}>, {r().raw.damaged} damaged</Show>
                <Show when={r().raw.incomplete}>, {r().raw.incomplete} not finished</Show>
              </Fact>
              <Fact name="Snapshots">
                {r().more ? r().more?.snapshots : UNKNOWN}
                <Show when={r().more?.oldestSnapshot}>
                  {(at) => (
                    <>
                      , the oldest from <Age at={at()} />
                    </>
                  )}
                </Show>
              </Fact>
            </dl>
            <Show when={(r().more?.ambiguous ?? 0) > 0}>
              <Note level="unknown">
                {plural(r().more?.ambiguous ?? 0, "backup")} with this number could be of this guest or of
                another one, and {(r().more?.ambiguous ?? 0) === 1 ? "is" : "are"} not counted here.
              </Note>
            </Show>
            <p class="pt-2">
              <button
                type="button"
                class="linkish"
                onClick={() =>
                  navigate(`/proxmox/backups/all?q=${encodeURIComponent(`id:${r().raw.vmid}`)}&group=date`)
                }
              >
                Show its backups
              </button>
            </p>
          </section>
          <section class="dsec">
            <h3>Jobs</h3>
            <Show when={r().jobs.length > 0} fallback={<p>No job selects this guest.</p>}>
              <For each={r().jobs}>
                {(job) => (
                  <dl class="facts">
                    <Fact name="Job">{job.comment || job.id}</Fact>
                    <Fact name="Schedule">
                      <span class="mono">{job.schedule}</span>
                    </Fact>
                    <Fact name="Storage">{job.storage}</Fact>
                    <Fact name="Next run">{job.nextRun ? absolute(new Date(job.nextRun)) : UNKNOWN}</Fact>
                  </dl>
                )}
              </For>
            </Show>
          </section>
        </Drawer>
      )}
    </Show>
  );
}

function CoverageList(props: {
  data: () => api.Coverage;
  more: () => Map<string, GuestBackups> | undefined;
  chart: () => api.Frequency | undefined;
  failures: () => JSX.Element;
}) {
  const navigate = useNavigate();
  const rows = createMemo(() => {
    const jobs = new Map(
      ((live.rest("backupJobs") ?? []) as api.BackupJob[]).map((job) => [`${job.instance}/${job.id}`, job]),
    );
    const now = Date.now();
    return props
      .data()
      .guests.map((guest) =>
        makeCoverage(guest, jobs, props.more()?.get(`${guest.instance}/${guest.vmid}`), now),
      );
  });
  const list = createList<CoverageRow>({
    key: "coverage",
    kind: "guest",
    rows,
    touch: () => {},
    language: COVERAGE,
    facets: FACETS,
    sorts: sortsOf(COVERAGE_NAME, COVERAGE_COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) =>
      COVERAGE_ORDER[a.state] - COVERAGE_ORDER[b.state] ||
      LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level] ||
      (a.sortName < b.sortName ? -1 : a.sortName > b.sortName ? 1 : 0),
    groupings: GROUPINGS,
    defaultGroup: "state",
  });
  return (
    <ListPage
      list={list}
      title="Backup coverage"
      name={COVERAGE_NAME}
      columns={COVERAGE_COLUMNS}
      example="age>2d"
      muted={(r) => r.level === "off"}
      before={() => (
        <>
          <GapNote capability={/backup|storage content|datastore/i} />
          <section class="bk-top" aria-label="Summary">
            <Summary rows={rows()} onFacet={(value) => list.toggle("st", value)} />
            <div>
              <div class="bk-h">
                <h2>Per day</h2>
                <span class="muted text-xs">30 days</span>
              </div>
              <Show when={props.chart()} fallback={<div style={{ height: "104px" }} />}>
                {(data) => (
                  <Chart
                    data={data().days}
                    chosen=""
                    onDay={(day) => navigate(`/proxmox/backups/all?q=date:${day}`)}
                  />
                )}
              </Show>
            </div>
            {props.failures()}
          </section>
        </>
      )}
      foot={() => (
        <>
          <span>
            {list.shown().length === rows().length
              ? plural(rows().length, "guest")
              : `${list.shown().length} of ${plural(rows().length, "guest")}`}
          </span>
          <span class="grp">
            <i class="bk-leg" data-day="v" /> verified
          </span>
          <span class="grp">
            <i class="bk-leg" data-day="b" /> not verified
          </span>
          <span class="grp">
            <i class="bk-leg" data-day="f" /> damaged
          </span>
        </>
      )}
      empty={() => (
        <div class="empty">
          <SignalArt />
          <h2>No guest to protect</h2>
          <p>
            Guests appear here with the first answer of a Proxmox VE server; then each shows how it is backed
            up.
          </p>
          <Hint />
        </div>
      )}
      cardHeight={76}
      card={(r) => (
        <>
          <div class="h">
            <Status level={r().level} label={r().why} />
            <b class="trunc">{r().name}</b>
            <span class="muted">{r().raw.vmid}</span>
            <span class="spacer" />
            <Show when={r().raw.lastGood} fallback={<span class="muted">none</span>}>
              {(at) => <Age at={at()} bare />}
            </Show>
          </div>
          <div class="muted text-xs row bk-card">
            <span class="trunc">{r().why}</span>
          </div>
        </>
      )}
      details={(id, onMove) => (
        <Details
          row={rows().find((r) => r.id === id())}
          id={id()}
          onClose={list.closeDetails}
          onMove={onMove}
        />
      )}
    />
  );
}

const RECENT = 3 * 86_400_000;

export default function Coverage() {
  const asked = createAsked(() => "backups/coverage", api.coverage, { revision: backupRevision });
  const chart = createAsked(
    () => "backups/frequency",
    (signal) => api.frequency(30, signal),
    {
      revision: backupRevision,
    },
  );
  const tasks = createAsked(
    () => "backups/failed",
    (signal) => api.failedTasks(Date.now() - RECENT, signal),
    { revision: taskRevision },
  );
  // The list of all backups follows when the coverage is on the screen: it only adds marks and sizes.
  const [later, setLater] = createSignal(false);
  const timer = setTimeout(() => setLater(true), 150);
  onCleanup(() => clearTimeout(timer));
  return (
    <>
      <AskedLate asked={asked} what="The coverage" />
      <Asking asked={asked} what="The coverage">
        {(data) => {
          const guestOf = guestLookup();
          const [more, setMore] = createSignal<Map<string, GuestBackups>>();
          createEffect(() => {
            if (!later()) return;
            const table = createAsked(() => "backups/table", api.backupTable, { revision: backupRevision });
            const snapshots = createAsked(() => "snapshots", api.guestSnapshots, {
              revision: snapshotRevision,
            });
            createEffect(() => {
              const all = table.value();
              if (!all) return;
              setMore(
                byGuest(
                  mergeNewest(makeRows(all, guestOf()), snapshotRows(snapshots.value() ?? [], guestOf())),
                  Date.now(),
                ),
              );
            });
          });
          const failed = createMemo(() =>
            tasks
              .value()
              ?.tasks.map((task) => makeTask(task, (instance, vmid) => guestOf()(instance, vmid)?.name)),
          );
          return (
            <CoverageList
              data={data}
              more={more}
              chart={chart.value}
              failures={() => <Failures tasks={failed()} failure={tasks.failure()} />}
            />
          );
        }}
      </Asking>
    </>
  );
}
