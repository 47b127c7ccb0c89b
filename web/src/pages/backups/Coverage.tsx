/** Which guest is protected how well: guest by job, last good backup, verification. Unprotected guests first. */
import { useNavigate } from "@solidjs/router";
import { createMemo, For, Show } from "solid-js";
import * as api from "@/api/backups";
import type { CoverageState } from "@/api/backups";
import { Asking, AskedLate } from "@/components/Asking";
import { Drawer, Fact, Gone } from "@/components/drawer/Drawer";
import { SignalArt } from "@/components/Icon";
import { createList, type Facet, type Grouping } from "@/components/list/controller";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Note, Status } from "@/components/Status";
import { Age, Bytes } from "@/components/Values";
import { absolute, plural, UNKNOWN } from "@/format/format";
import { createAsked } from "@/live/asked";
import { LEVEL_ORDER } from "@/model/level";
import { Chart } from "./Chart";
import { COVERAGE_COLUMNS, COVERAGE_NAME } from "./columns";
import { COVERAGE } from "./language";
import { backupRevision, Hint, ViewSwitch } from "./parts";
import { COVERAGE_ORDER, makeCoverage, STATE_WORD, type CoverageRow } from "./rows";

const OLD_SNAPSHOT = 30 * 86_400_000;
const oldSnapshot = (r: CoverageRow) =>
  r.raw.oldestSnapshot !== undefined && Date.now() - r.raw.oldestSnapshot > OLD_SNAPSHOT;
const wantsCare = (r: CoverageRow) => r.level === "critical" || r.level === "warning";

const FACETS: readonly Facet<CoverageRow>[] = [
  { param: "st", value: "attention", label: "Attention", level: "warning", test: wantsCare },
  {
    param: "st",
    value: "uncovered",
    label: "In no job",
    test: (r) => r.jobs.length === 0 && r.raw.state !== "excluded",
    quiet: true,
  },
  {
    param: "st",
    value: "protected",
    label: "Protected",
    test: (r) => r.raw.state === "ok" || r.raw.state === "unverified",
    apart: true,
  },
  { param: "st", value: "unverified", label: "Not verified", test: (r) => r.raw.verified === "none", quiet: true },
  { param: "st", value: "snapshots", label: "Old snapshots", test: oldSnapshot, quiet: true },
  { param: "st", value: "excluded", label: "Excluded", level: "off", test: (r) => r.raw.state === "excluded", quiet: true },
];

const GROUPINGS: readonly Grouping<CoverageRow>[] = [
  {
    value: "state",
    label: "State",
    keys: (r) => [r.raw.state],
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
  { states: ["ok"], label: "Fresh, nothing to do", facet: "protected" },
  { states: ["unverified"], label: "Fresh, not verified", facet: "unverified" },
  { states: ["late"], label: "Late, older than a day past its job", facet: "attention" },
  { states: ["uncovered"], label: "In no job, older backup", facet: "uncovered" },
  { states: ["none", "failed"], label: "No backup to restore", facet: "attention" },
];

function Summary(props: { rows: readonly CoverageRow[]; onFacet: (value: string) => void }) {
  const parts = createMemo(() =>
    POST.map((part) => ({
      ...part,
      count: props.rows.filter((r) => part.states.includes(r.raw.state)).length,
    })),
  );
  const wanted = () => props.rows.filter((r) => r.raw.state !== "excluded").length;
  const level = (i: number) => (["ok", "notice", "warning", "warning", "critical"] as const)[i] ?? "ok";
  return (
    <div>
      <div class="bk-h">
        <h2>Coverage</h2>
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

function Failures(props: { list: readonly api.BackupFailure[] }) {
  return (
    <div>
      <div class="bk-h">
        <h2>Failed backup tasks</h2>
        <span class="muted text-xs">last 3 days</span>
      </div>
      <For
        each={props.list.slice(0, 4)}
        fallback={
          <p class="muted text-xs row" style={{ gap: "6px" }}>
            <Status level="ok" decorative /> None failed.
          </p>
        }
      >
        {(failure) => (
          <div class="bk-task">
            <Status level={failure.running ? "notice" : "critical"} decorative />
            <b class="trunc">{failure.title}</b>
            <span class="muted">
              <Age at={failure.at} bare />
            </span>
            <p class="trunc" title={failure.detail}>
              {failure.detail}
            </p>
          </div>
        )}
      </For>
      <Show when={props.list.length > 4}>
        <a class="linkish text-xs" href="/proxmox/tasks?q=type%3Avzdump">
          {props.list.length - 4} more
        </a>
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
          badge={`${r().raw.type === "lxc" ? "CT" : "VM"} ${r().raw.vmid}`}
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
          <section>
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
              <Fact name="Where">{r().raw.store ?? UNKNOWN}</Fact>
              <Fact name="Verified">
                {r().raw.verified === "ok"
                  ? "yes"
                  : r().raw.verified === "failed"
                    ? "failed"
                    : r().raw.verified === "none"
                      ? "not yet"
                      : "not done for this kind"}
              </Fact>
              <Fact name="Size">
                <Bytes value={r().raw.size ?? null} />
              </Fact>
              <Fact name="Backups kept">{r().raw.backups}</Fact>
              <Fact name="Snapshots">
                {r().raw.snapshots ?? 0}
                <Show when={r().raw.oldestSnapshot}>
                  {(at) => (
                    <>
                      , the oldest from <Age at={at()} />
                    </>
                  )}
                </Show>
              </Fact>
            </dl>
            <Show when={(r().raw.ambiguous ?? 0) > 0}>
              <Note level="unknown">
                {plural(r().raw.ambiguous ?? 0, "backup")} with this number could be of this guest or of another
                one, and {(r().raw.ambiguous ?? 0) === 1 ? "is" : "are"} not counted here.
              </Note>
            </Show>
            <p class="pt-2">
              <button
                type="button"
                class="linkish"
                onClick={() =>
                  navigate(
                    `/proxmox/backups/all?q=${encodeURIComponent(`id:${r().raw.vmid}`)}&group=date`,
                  )
                }
              >
                Show its backups
              </button>
            </p>
          </section>
          <section>
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

function CoverageList(props: { data: () => api.Coverage; chart: () => api.Frequency | undefined }) {
  const navigate = useNavigate();
  const rows = createMemo(() => {
    const jobs = new Map(props.data().jobs.map((job) => [`${job.instance}/${job.id}`, job]));
    return props.data().guests.map((guest) => makeCoverage(guest, jobs));
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
      COVERAGE_ORDER[a.raw.state] - COVERAGE_ORDER[b.raw.state] ||
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
          <Show when={(props.data().gaps?.length ?? 0) > 0}>
            <div class="late-note">
              <Note level="warning">
                <For each={props.data().gaps}>
                  {(gap) => (
                    <div>
                      {gap.instance}: {gap.reason}
                    </div>
                  )}
                </For>
                What these servers hold is missing here.
              </Note>
            </div>
          </Show>
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
                    data={data()}
                    chosen=""
                    onDay={(day) => navigate(`/proxmox/backups/all?q=date:${day}`)}
                  />
                )}
              </Show>
            </div>
            <Failures list={props.data().failures ?? []} />
          </section>
        </>
      )}
      tools={() => <ViewSwitch view="coverage" />}
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
            <i class="bk-leg" data-day="f" /> failed
          </span>
        </>
      )}
      empty={() => (
        <div class="empty">
          <SignalArt />
          <h2>No guest to protect</h2>
          <p>Guests appear here with the first answer of a Proxmox VE server; then each shows how it is backed up.</p>
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

export default function Coverage() {
  const asked = createAsked(() => "backups/coverage", api.coverage, { revision: backupRevision });
  const chart = createAsked(
    () => "backups/frequency",
    () => api.frequency(30),
    { revision: backupRevision },
  );
  return (
    <>
      <AskedLate asked={asked} what="The coverage" />
      <Asking asked={asked} what="The coverage">
        {(data) => <CoverageList data={data} chart={chart.value} />}
      </Asking>
    </>
  );
}
