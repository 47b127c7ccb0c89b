/** Every backup of every source, with the chart of days above. */
import { createMemo, Show } from "solid-js";
import { backupTable, guestSnapshots, type BackupTable, type GuestSnapshot } from "@/api/backups";
import { Asking, AskedLate } from "@/components/Asking";
import { Copyable } from "@/components/Copy";
import { Drawer, Fact, Gone } from "@/components/drawer/Drawer";
import { SignalArt } from "@/components/Icon";
import { createList, type Facet, type Grouping } from "@/components/list/controller";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { Segmented } from "@/components/Segmented";
import { Note, Status } from "@/components/Status";
import { Age, Bytes } from "@/components/Values";
import { absolute, plural, UNKNOWN } from "@/format/format";
import { createAsked } from "@/live/asked";
import { LEVEL_ORDER } from "@/model/level";
import { hasTerm, parseQuery, toggleTerm, type Predicate } from "@/query/query";
import { BACKUP_COLUMNS, BACKUP_NAME } from "./columns";
import { Chart } from "./Chart";
import { BACKUPS } from "./language";
import { backupRevision, guestLookup, Hint, snapshotRevision, ViewSwitch } from "./parts";
import {
  dayOf,
  guestKey,
  makeRows,
  mergeNewest,
  perDay,
  snapshotRows,
  SOURCE_WORD,
  SOURCES,
  type BackupRow,
} from "./rows";

const FACETS: readonly Facet<BackupRow>[] = [
  ...SOURCES.map((source): Facet<BackupRow> => ({
    param: "src",
    value: source,
    label: source === "snapshot" ? "Snapshots" : SOURCE_WORD[source],
    test: (r) => r.source === source,
    quiet: source !== "pbs" && source !== "pve",
  })),
  { param: "type", value: "vm", label: "VM", test: (r) => r.kind === "vm", apart: true },
  { param: "type", value: "ct", label: "CT", test: (r) => r.kind === "ct" },
  { param: "type", value: "host", label: "Host", test: (r) => r.kind === "host", quiet: true },
  {
    param: "st",
    value: "failed",
    label: "Failed",
    level: "critical",
    test: (r) => r.verified === "failed",
    quiet: true,
    apart: true,
  },
  {
    param: "st",
    value: "unverified",
    label: "Not verified",
    test: (r) => r.verified === "none",
    quiet: true,
  },
  {
    param: "st",
    value: "nobody",
    label: "Unattributed",
    level: "unknown",
    test: (r) => r.attribution !== "guest" && r.kind !== "host",
    quiet: true,
  },
];

function groupings(): readonly Grouping<BackupRow>[] {
  const today = dayOf(new Date());
  const yesterday = dayOf(new Date(Date.now() - 86_400_000));
  return [
    {
      value: "date",
      label: "Date",
      keys: (r) => [r.day],
      title: (key) => (key === today ? "Today" : key === yesterday ? "Yesterday" : key),
      meta: (rows) => plural(rows.length, "backup"),
      order: (key) => -Number(key.replaceAll("-", "")),
    },
    {
      value: "guest",
      label: "Guest",
      keys: (r) => [guestKey(r)],
      title: (key) => {
        const [kind, id, name, at] = key.split("\u0000");
        const word = kind === "host" ? "" : `${kind?.toUpperCase()} ${id}`;
        if (name === "?") return kind === "host" ? `Host ${id}` : `${word}, unattributed on ${at}`;
        return [name, word, name ? "" : `gone from ${at}`].filter(Boolean).join(", ");
      },
      meta: (rows) => plural(rows.length, "backup"),
    },
    {
      value: "server",
      label: "Server",
      keys: (r) => [r.instance],
      title: (key) => key || "Unknown server",
      meta: (rows) => plural(rows.length, "backup"),
    },
  ];
}

function Details(props: {
  row: BackupRow | undefined;
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
  others: (row: BackupRow) => number;
  onOthers: (row: BackupRow) => void;
}) {
  return (
    <Show when={props.row} fallback={<Gone what="backup" id={props.id} onClose={props.onClose} />}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name || r().backupId}
          badge={r().kind === "host" ? "Host" : `${r().kind.toUpperCase()} ${r().backupId}`}
          meta={
            <>
              {SOURCE_WORD[r().source]}, {absolute(new Date(r().time))}
            </>
          }
          what="backup"
          onClose={props.onClose}
          onMove={props.onMove}
        >
          <Show when={r().level !== "ok"}>
            <Note level={r().level}>{r().why}</Note>
          </Show>
          <section class="dsec">
            <h3>This backup</h3>
            <dl class="facts">
              <Fact name="Made">
                {absolute(new Date(r().time))}, <Age at={r().time} />
              </Fact>
              <Fact name="Size">
                <Bytes value={r().size} />
                <Show when={r().size === null}>
                  <span class="muted">
                    {" "}
                    {r().source === "snapshot" ? "the storage does not tell" : "not finished"}
                  </span>
                </Show>
              </Fact>
              <Fact name="Verification">
                {r().verified === "ok"
                  ? "passed"
                  : r().verified === "failed"
                    ? "failed"
                    : r().verified === "none"
                      ? "not done yet"
                      : "not done for this kind"}
              </Fact>
              <Fact name="Protected">{r().protected ? "yes, not pruned" : "no"}</Fact>
              <Fact name="Encrypted">{r().encrypted ? "yes" : "no"}</Fact>
              <Fact name="Comment">{r().comment || UNKNOWN}</Fact>
            </dl>
          </section>
          <section class="dsec">
            <h3>Where</h3>
            <dl class="facts">
              <Fact name="Server">{r().instance || UNKNOWN}</Fact>
              <Fact name={r().source === "pbs" ? "Datastore" : "Storage"}>{r().store || UNKNOWN}</Fact>
              <Show when={r().source === "pbs"}>
                <Fact name="Namespace">{r().namespace || "root"}</Fact>
              </Show>
              <Fact name="Node">{r().node || UNKNOWN}</Fact>
              <Fact name="Owner">{r().owner || UNKNOWN}</Fact>
              <Show when={r().volume}>
                <Fact name={r().source === "snapshot" ? "Snapshot" : "Volume"}>
                  <Copyable text={r().volume} label="volume" mono />
                </Fact>
              </Show>
            </dl>
          </section>
          <section class="dsec">
            <h3>Whose</h3>
            <p class="row" style={{ gap: "6px" }}>
              <Status level={r().attribution === "guest" ? "ok" : "unknown"} decorative />
              {r().attribution === "guest"
                ? r().reason || `Of ${r().name || `guest ${r().backupId}`}`
                : r().attribution === "ambiguous"
                  ? r().reason || "Several guests have this number, and nothing tells which is meant."
                  : r().kind === "host"
                    ? "A backup of a host, not of a guest."
                    : r().reason || "No guest of this number is known to this server."}
            </p>
            <p class="pt-2">
              <button type="button" class="linkish" onClick={() => props.onOthers(r())}>
                Show all {props.others(r())} of this {r().kind === "host" ? "host" : "guest"}
              </button>
            </p>
          </section>
        </Drawer>
      )}
    </Show>
  );
}

const SPANS = ["7", "30", "90", "365"] as const;

function AllList(props: { table: () => BackupTable; snapshots: () => readonly GuestSnapshot[] | undefined }) {
  const guestOf = guestLookup();
  const stored = createMemo(() => makeRows(props.table(), guestOf()));
  const rows = createMemo(() => mergeNewest(stored(), snapshotRows(props.snapshots() ?? [], guestOf())));
  const byId = createMemo(() => new Map(rows().map((r) => [r.id, r])));
  const list = createList<BackupRow>({
    key: "backups",
    kind: "backup",
    rows,
    touch: () => {},
    language: BACKUPS,
    facets: FACETS,
    sorts: sortsOf(BACKUP_NAME, BACKUP_COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) => b.time - a.time,
    groupings: groupings(),
    defaultGroup: "date",
  });
  const span = () => {
    const want = list.get("days");
    return SPANS.find((s) => s === want) ?? "30";
  };
  const chosenDay = () => /(?:^|\s)date:(\d{4}-\d\d-\d\d)(?:\s|$)/.exec(list.query())?.[1] ?? "";
  /** The chart keeps all days when one is chosen. */
  const charted = createMemo(() => {
    const chosen = chosenDay();
    const text = list.lastGood().text;
    const without = chosen && hasTerm(text, `date:${chosen}`) ? toggleTerm(text, `date:${chosen}`) : text;
    const predicate = parseQuery(without, BACKUPS).predicate as Predicate<BackupRow> | undefined;
    const tests = list.chosen();
    return perDay(
      rows().filter((r) => (predicate?.(r) ?? true) && tests.every((f) => f.test(r))),
      Number(span()),
      Date.now(),
    );
  });
  const pickDay = (day: string) => {
    const chosen = chosenDay();
    const without = chosen ? toggleTerm(list.query(), `date:${chosen}`) : list.query();
    list.setQuery(chosen === day ? without : toggleTerm(without, `date:${day}`));
  };
  const servers = createMemo(() => new Set(rows().map((r) => r.instance)).size);
  const sameGuest = createMemo(() => {
    const counts = new Map<string, number>();
    for (const r of rows()) counts.set(guestKey(r), (counts.get(guestKey(r)) ?? 0) + 1);
    return counts;
  });
  return (
    <ListPage
      list={list}
      title="Backups"
      name={BACKUP_NAME}
      columns={BACKUP_COLUMNS}
      example="verified:no age>7d"
      before={() => (
        <section class="bk-top" data-single="" aria-label="Backups per day">
          <div>
            <div class="bk-h">
              <ViewSwitch view="all" />
              <h2>Per day</h2>
              <Segmented
                label="Days of the chart"
                size="sm"
                value={span()}
                onChange={(value) => list.toggle("days", value)}
                options={SPANS.map((value) => ({ value, label: value === "365" ? "1 y" : `${value} d` }))}
              />
              <Show when={chosenDay()}>
                {(day) => (
                  <button type="button" class="linkish" onClick={() => pickDay(day())}>
                    Only {day()}, show all days
                  </button>
                )}
              </Show>
            </div>
            <Chart data={charted()} chosen={chosenDay()} onDay={pickDay} />
          </div>
        </section>
      )}
      foot={() => (
        <>
          <span>
            {list.shown().length === rows().length
              ? plural(rows().length, "backup")
              : `${list.shown().length} of ${plural(rows().length, "backup")}`}
          </span>
          <span>{plural(servers(), "server")}</span>
        </>
      )}
      empty={() => (
        <div class="empty">
          <SignalArt />
          <h2>No backup is known</h2>
          <p>
            None of the connected servers reports a backup or a snapshot. Backup files need Datastore.Audit
            and Datastore.AllocateSpace on the storage; a Backup Server can be connected directly.
          </p>
          <Hint />
        </div>
      )}
      cardHeight={76}
      card={(r) => (
        <>
          <div class="h">
            <Status level={r().level} label={r().why} />
            <b class="trunc">{r().name || r().backupId}</b>
            <span class="muted">{r().kind === "host" ? "host" : r().backupId}</span>
            <span class="spacer" />
            <Age at={r().time} bare />
          </div>
          <div class="muted text-xs row bk-card">
            <span class="bk-src">
              <i data-source={r().source} />
              {SOURCE_WORD[r().source]}
            </span>
            <span class="trunc">{[r().instance, r().store, r().namespace].filter(Boolean).join(" / ")}</span>
            <span class="spacer" />
            <Bytes value={r().size} />
          </div>
        </>
      )}
      details={(id, onMove) => (
        <Details
          row={byId().get(id())}
          id={id()}
          onClose={list.closeDetails}
          onMove={onMove}
          others={(r) => sameGuest().get(guestKey(r)) ?? 1}
          onOthers={(r) => list.setQuery(`id:${r.backupId} type:${r.kind}`)}
        />
      )}
    />
  );
}

export default function All() {
  const asked = createAsked(() => "backups/table", backupTable, { revision: backupRevision });
  const snapshots = createAsked(() => "snapshots", guestSnapshots, { revision: snapshotRevision });
  return (
    <>
      <AskedLate asked={asked} what="The backups" />
      <AskedLate asked={snapshots} what="The snapshots" />
      <Asking asked={asked} what="The backups">
        {(table) => <AllList table={table} snapshots={snapshots.value} />}
      </Asking>
    </>
  );
}
