import { useSearchParams } from "@solidjs/router";
import { lazy, Show, Suspense } from "solid-js";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { SignalArt } from "@/components/Icon";
import { createList, type Facet } from "@/components/list/controller";
import { ListPage, sortsOf } from "@/components/list/ListPage";
import { createMedia } from "@/components/media";
import { Status } from "@/components/Status";
import { Age, Third } from "@/components/Values";
import { naturalKey, plural } from "@/format/format";
import { live } from "@/live/live";
import type { HostRow } from "@/model/host";
import { LEVEL_ORDER, LIMITS } from "@/model/level";
import { HOSTS } from "@/query/hosts";
import { mayRead } from "@/session/session";
import { HOST_COLUMNS, HOST_NAME } from "./columns";

const HostDetails = lazy(() => import("../details/HostDetails"));
const InstallAgent = lazy(() => import("./InstallAgent"));

const FACETS: readonly Facet<HostRow>[] = [
  {
    param: "st",
    value: "problem",
    label: "Problems",
    level: "warning",
    test: (r) => !r.offline && r.level !== "ok",
  },
  { param: "st", value: "offline", label: "Offline", level: "critical", test: (r) => r.offline },
  { param: "st", value: "ok", label: "OK", level: "ok", test: (r) => !r.offline && r.level === "ok" },
];

function Card(props: { row: () => HostRow }) {
  const r = () => props.row();
  return (
    <>
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
    </>
  );
}

export default function Hosts() {
  const [params, setParams] = useSearchParams<{ install?: string }>();
  const phone = createMedia("(width < 640px)");
  const list = createList<HostRow>({
    key: "hosts",
    kind: "host",
    rows: live.hosts,
    touch: live.tick,
    language: HOSTS,
    facets: FACETS,
    sorts: sortsOf(HOST_NAME, HOST_COLUMNS, (r) => LEVEL_ORDER[r.level]),
    order: (a, b) =>
      LEVEL_ORDER[a.level] - LEVEL_ORDER[b.level] || naturalKey(a.name).localeCompare(naturalKey(b.name)),
  });
  const installing = () => params.install === "1";
  const setInstalling = (on: boolean) => setParams({ install: on ? "1" : undefined }, { replace: true });

  return (
    <>
      <ListPage
        list={list}
        title="Hosts"
        name={HOST_NAME}
        columns={HOST_COLUMNS}
        example="disk>85"
        muted={(row) => row.offline}
        tools={
          mayRead("settings:write") && live.hosts().length > 0 && !phone()
            ? () => (
                <Button icon="plus" onClick={() => setInstalling(true)}>
                  Install an agent
                </Button>
              )
            : undefined
        }
        empty={() => (
          <div class="empty">
            <SignalArt />
            <h2>No host reports yet</h2>
            <p>A small agent on a machine reports its CPU, memory, disks, temperatures and RAID here.</p>
            <Show when={mayRead("settings:write")}>
              <div class="row">
                <Button kind="primary" onClick={() => setInstalling(true)}>
                  Install an agent
                </Button>
              </div>
            </Show>
          </div>
        )}
        foot={() => (
          <span>
            {list.shown().length === live.hosts().length
              ? plural(live.hosts().length, "host")
              : `${list.shown().length} of ${plural(live.hosts().length, "host")}`}
          </span>
        )}
        card={(row) => <Card row={row} />}
        cardHeight={71}
        details={(id, move) => <HostDetails id={id()} onClose={list.closeDetails} onMove={move} />}
      />
      <Show when={installing()}>
        <Dialog
          title="Install an agent"
          width={620}
          onClose={() => setInstalling(false)}
          footer={
            <>
              <span class="spacer" />
              <Button onClick={() => setInstalling(false)}>Done</Button>
            </>
          }
        >
          <Suspense>
            <InstallAgent />
          </Suspense>
        </Dialog>
      </Show>
    </>
  );
}
