/** Storage replication: what failed first, with Proxmox's own words. */
import { A } from "@solidjs/router";
import { createMemo, Show } from "solid-js";
import { Copyable } from "@/components/Copy";
import { Drawer, Fact, Source } from "@/components/drawer/Drawer";
import { createList, type Facet } from "@/components/list/controller";
import type { Column, NameColumn } from "@/components/list/columns";
import { Empty } from "@/components/list/Empty";
import { GapNote } from "@/components/list/Gaps";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Opened } from "@/components/list/Opened";
import { rowConcerns, Strip, unknownOf } from "@/components/list/Strip";
import { Note, Status } from "@/components/Status";
import { Age } from "@/components/Values";
import { When } from "@/components/When";
import { duration, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { createRows } from "@/live/rows";
import { LEVEL_ORDER } from "@/model/level";
import { makeLanguage } from "@/query/query";
import { makeJob, type JobRow } from "@/model/replication";

const took = (row: JobRow) => (row.took === null ? UNKNOWN : row.took < 1 ? "under 1 s" : duration(row.took));

const NAME: NameColumn<JobRow> = {
  label: "Guest",
  sort: (r) => r.sortName,
  cell: (r) => <span class="nm">{r().name}</span>,
};

const COLUMNS: readonly Column<JobRow>[] = [
  {
    key: "job",
    label: "Job",
    width: 84,
    priority: 2,
    sort: (r) => r.raw.guestId ?? null,
    ascending: true,
    cell: (r) => <span class="mono muted">{r().raw.jobId}</span>,
  },
  {
    key: "way",
    label: "From, to",
    width: 170,
    priority: 1,
    sort: (r) => r.raw.sourceNode ?? null,
    ascending: true,
    tip: (r) =>
      [
        r.raw.sourceStorage && `from ${r.raw.sourceStorage}`,
        r.raw.targetStorage && `to ${r.raw.targetStorage}`,
      ]
        .filter(Boolean)
        .join("\n") || undefined,
    cell: (r) => (
      <span class="muted">
        {r().raw.sourceNode ?? UNKNOWN} → {r().raw.targetNode ?? UNKNOWN}
      </span>
    ),
  },
  {
    key: "result",
    label: "Result",
    width: 400,
    narrow: 200,
    priority: 1,
    sort: (r) => r.failures,
    tip: (r) => r.raw.error,
    cell: (r) => (
      <span
        class={r().level === "warning" || r().level === "critical" ? undefined : "muted"}
        data-tone={r().level === "critical" ? "critical" : r().level === "warning" ? "warning" : undefined}
      >
        {r().why}
        <Show when={r().raw.error}>
          <span class="muted font-normal"> {r().raw.error}</span>
        </Show>
      </span>
    ),
  },
  {
    key: "last",
    label: "Last sync",
    width: 96,
    priority: 1,
    num: true,
    sort: (r) => r.lastSync,
    cell: (r) => (
      <Show when={r().lastSync} fallback={<span class="muted">never</span>}>
        {(at) => <Age at={at()} />}
      </Show>
    ),
  },
  {
    key: "took",
    label: "Took",
    width: 92,
    priority: 3,
    num: true,
    sort: (r) => r.took,
    cell: (r) => <span class="muted">{took(r())}</span>,
  },
  {
    key: "next",
    label: "Next sync",
    width: 96,
    priority: 2,
    num: true,
    sort: (r) => r.nextSync,
    ascending: true,
    cell: (r) => (
      <Show when={r().raw.enabled} fallback={<span class="muted">off</span>}>
        <span
          data-tone={r().overdue > 0 ? "warning" : undefined}
          class={r().overdue > 0 ? undefined : "muted"}
        >
          <When at={r().nextSync} />
        </span>
      </Show>
    ),
  },
  {
    key: "schedule",
    label: "Schedule",
    width: 100,
    priority: 3,
    sort: (r) => r.raw.schedule ?? null,
    ascending: true,
    cell: (r) => <span class="mono muted">{r().raw.schedule || "*/15"}</span>,
  },
  {
    key: "limit",
    label: "Rate limit",
    width: 92,
    priority: 4,
    num: true,
    hiddenAtFirst: true,
    sort: (r) => r.raw.rateLimitMbps ?? null,
    cell: (r) => (
      <span class="muted">{r().raw.rateLimitMbps ? `${r().raw.rateLimitMbps} MB/s` : "none"}</span>
    ),
  },
];

const LANGUAGE = makeLanguage<JobRow>({
  haystack: (r) => r.haystack,
  what: ["job", "jobs"],
  fields: [
    { name: "name", aliases: ["guest"], help: "guest's name contains", text: (r) => r.name },
    {
      name: "id",
      aliases: ["vmid"],
      help: "guest id",
      text: (r) => String(r.raw.guestId ?? ""),
      number: (r) => r.raw.guestId ?? null,
      unit: "count",
    },
    {
      name: "node",
      help: "source or target",
      text: (r) => [r.raw.sourceNode ?? "", r.raw.targetNode ?? ""],
      exact: true,
      values: (r) => [r.raw.sourceNode ?? "", r.raw.targetNode ?? ""],
    },
    {
      name: "source",
      help: "from this node",
      text: (r) => r.raw.sourceNode ?? "",
      exact: true,
      values: (r) => [r.raw.sourceNode ?? ""],
    },
    {
      name: "target",
      help: "to this node",
      text: (r) => r.raw.targetNode ?? "",
      exact: true,
      values: (r) => [r.raw.targetNode ?? ""],
    },
    {
      name: "status",
      aliases: ["is"],
      help: "ok, failed, overdue, running, off",
      exact: true,
      words: ["ok", "failed", "overdue", "running", "off", "warning", "critical", "problem"],
      text: (r) => [
        r.level,
        ...(r.failures > 0 ? ["failed", "problem"] : []),
        ...(r.overdue > 0 ? ["overdue", "problem"] : []),
        ...(r.syncing ? ["running"] : []),
      ],
      values: (r) => [r.level === "ok" ? "ok" : r.failures > 0 ? "failed" : r.level],
    },
    {
      name: "instance",
      aliases: ["cluster"],
      help: "cluster or connection",
      text: (r) => r.raw.instance,
      values: (r) => [r.raw.instance],
    },
    { name: "took", help: "seconds of the last run", number: (r) => r.took, unit: "duration" },
    {
      name: "last",
      help: "age of the last sync, such as 2h",
      number: (r) => (r.lastSync === null ? null : (Date.now() - r.lastSync) / 1000),
      unit: "duration",
    },
  ],
  examples: [
    ["is:failed", "failed the last time"],
    ["last>2h -is:off", "nothing copied for two hours"],
    ["target:pve2", "copies that pve2 keeps"],
  ],
});

const FACETS: readonly Facet<JobRow>[] = [
  {
    param: "st",
    value: "failed",
    label: "Failed",
    level: "critical",
    test: (r) => r.raw.enabled && (r.level === "critical" || (r.level === "warning" && r.overdue === 0)),
  },
  { param: "st", value: "overdue", label: "Overdue", level: "warning", test: (r) => r.overdue > 0 },
  {
    param: "st",
    value: "ok",
    label: "Healthy",
    level: "ok",
    test: (r) => r.level === "ok" || r.level === "notice",
    apart: true,
  },
  { param: "st", value: "off", label: "Off", level: "off", test: (r) => r.level === "off", quiet: true },
];

function Details(props: {
  rows: () => readonly JobRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="job" onClose={props.onClose}>
      {(r) => {
        const guest = () =>
          live
            .guests()
            .find(
              (g) =>
                g.vmid === r().raw.guestId && (g.node === r().raw.guestNode || g.node === r().raw.sourceNode),
            );
        return (
          <Drawer
            level={r().level}
            why={r().why}
            title={r().name}
            badge={`job ${r().raw.jobId}`}
            what="job"
            onClose={props.onClose}
            onMove={props.onMove}
            meta={
              <>
                <span>
                  {r().raw.sourceNode} → {r().raw.targetNode}
                </span>
                <i>/</i>
                <span>{r().raw.instance}</span>
                <i>·</i>
                <span>{r().why.toLowerCase()}</span>
              </>
            }
          >
            <Show when={r().raw.error}>
              {(error) => (
                <div class="mt-3">
                  <Note level={r().level === "ok" ? "warning" : r().level}>
                    <b class="font-semibold">{r().why}</b>
                    <p class="mono text-xs mt-1 whitespace-pre-wrap break-words">{error()}</p>
                    <p class="mt-1">
                      <Copyable text={error()} label="the error">
                        Copy the error
                      </Copyable>
                    </p>
                  </Note>
                </div>
              )}
            </Show>
            <div class="dsec two">
              <section>
                <h3>
                  Runs
                  <Source name="Proxmox API" at={r().raw.lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="Last sync">
                    <Show when={r().lastSync} fallback="never">
                      {(at) => <Age at={at()} />}
                    </Show>
                  </Fact>
                  <Fact name="Last try">
                    <Show when={r().raw.lastTryTime} fallback={UNKNOWN}>
                      {(at) => <Age at={at()} />}
                    </Show>
                  </Fact>
                  <Fact name="Took">{took(r())}</Fact>
                  <Fact name="Next">
                    <Show when={r().raw.enabled} fallback="switched off">
                      <When at={r().nextSync} />
                    </Show>
                  </Fact>
                  <Fact name="Failures">
                    {r().failures === 0 ? "none" : plural(r().failures, "in a row", "in a row")}
                  </Fact>
                </dl>
              </section>
              <section>
                <h3>
                  Job
                  <Source name="Proxmox API" at={r().raw.lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="Guest">
                    <Show when={guest()} fallback={`${r().raw.guestId ?? UNKNOWN}`}>
                      {(g) => (
                        <A href={`/proxmox/overview?open=${encodeURIComponent(`guest:${g().id}`)}`}>
                          {g().name} ({g().kind} {g().vmid})
                        </A>
                      )}
                    </Show>
                  </Fact>
                  <Fact name="From">
                    {[r().raw.sourceNode, r().raw.sourceStorage].filter(Boolean).join(", ") || UNKNOWN}
                  </Fact>
                  <Fact name="To">
                    {[r().raw.targetNode, r().raw.targetStorage].filter(Boolean).join(", ") || UNKNOWN}
                  </Fact>
                  <Fact name="Schedule">
                    <span class="mono">{r().raw.schedule || "*/15"}</span>
                  </Fact>
                  <Fact name="Rate limit">
                    {r().raw.rateLimitMbps ? `${r().raw.rateLimitMbps} MB/s` : "none"}
                  </Fact>
                  <Show when={r().raw.removeJob}>
                    <Fact name="Removal">{r().raw.removeJob}</Fact>
                  </Show>
                  <Show when={r().raw.comment}>
                    <Fact name="Comment">{r().raw.comment}</Fact>
                  </Show>
                </dl>
              </section>
            </div>
          </Drawer>
        );
      }}
    </Opened>
  );
}

export default function Replication() {
  const rows = createRows(
    () => live.list("replicationJobs"),
    (raw) => makeJob(raw, live.context()),
  );
  const list = createList<JobRow>({
    key: "replication",
    kind: "job",
    rows,
    touch: rows,
    language: LANGUAGE,
    facets: FACETS,
    sorts: sortsOf(NAME, COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) =>
      LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level] || (a.raw.guestId ?? 0) - (b.raw.guestId ?? 0),
    groupings: [
      {
        value: "way",
        label: "Source and target",
        keys: (r) => [`${r.raw.sourceNode ?? UNKNOWN} → ${r.raw.targetNode ?? UNKNOWN}`],
        title: (key) => key,
        meta: (all) => plural(all.length, "job"),
      },
      {
        value: "cluster",
        label: "Cluster",
        keys: (r) => [r.raw.instance],
        title: (key) => key,
        meta: (all) => plural(all.length, "job"),
      },
    ],
  });
  const concerns = createMemo(() =>
    rowConcerns(
      rows(),
      "job",
      (row) => ({
        title: `${row.name} to ${row.raw.targetNode ?? "its target"}`,
        detail: row.raw.error ? `${row.why}: ${row.raw.error}` : row.why,
        since: row.lastSync ?? 0,
      }),
      list.openRow,
    ),
  );
  const next = createMemo(() => {
    live.tick();
    const due = rows().filter((r) => r.raw.enabled && r.nextSync !== null && r.overdue === 0);
    return due.sort((a, b) => (a.nextSync ?? 0) - (b.nextSync ?? 0))[0];
  });
  return (
    <ListPage
      list={list}
      title="Replication jobs"
      name={NAME}
      columns={COLUMNS}
      example="is:failed target:pve2"
      muted={(row) => row.level === "off" || row.level === "unknown"}
      before={() => (
        <>
          <Strip
            concerns={concerns()}
            unknown={unknownOf(rows())}
            calm={`${plural(rows().length, "job")}: every last run succeeded.`}
          />
          <GapNote capability={/replication/i} />
        </>
      )}
      empty={() => (
        <Empty title="No replication is set up" capability={/replication/i}>
          Proxmox copies guests on ZFS to other nodes of their cluster when a replication job says so:
          Datacenter, Replication. Jobs appear here within a minute.
        </Empty>
      )}
      foot={() => (
        <>
          <span>
            {list.filtered()
              ? `${list.shown().length} of ${plural(rows().length, "job")}`
              : plural(rows().length, "job")}
          </span>
          <Show when={next()}>
            {(job) => (
              <span>
                next: {job().name} <When at={job().nextSync} />
              </span>
            )}
          </Show>
        </>
      )}
      card={(row) => (
        <>
          <div class="h">
            <Status level={row().level} label={row().why} />
            <b class="trunc">{row().name}</b>
            <small class="trunc">
              {row().raw.sourceNode} → {row().raw.targetNode}
            </small>
            <small class="r">
              <Show when={row().lastSync} fallback="never">
                {(at) => <Age at={at()} />}
              </Show>
            </small>
          </div>
          <div class="h">
            <small
              class="trunc"
              data-tone={row().level === "critical" || row().level === "warning" ? row().level : undefined}
            >
              {row().raw.error ? `${row().why}: ${row().raw.error}` : row().why}
            </small>
            <small class="r">
              next <When at={row().nextSync} />
            </small>
          </div>
        </>
      )}
      cardHeight={67}
      details={(id, move) => <Details rows={rows} id={id()} onClose={list.closeDetails} onMove={move} />}
    />
  );
}
