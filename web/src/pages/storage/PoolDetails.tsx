import { A } from "@solidjs/router";
import { For, Show } from "solid-js";
import type { CephResource } from "@/api/proxmox";
import { Copyable } from "@/components/Copy";
import History from "@/components/chart/History";
import { Drawer, Fact, Source } from "@/components/drawer/Drawer";
import { Opened } from "@/components/list/Opened";
import { Note } from "@/components/Status";
import { Meter, Pair, type Series } from "@/components/Values";
import { bytes, percent, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { LIMITS } from "@/model/level";
import { growth, type PoolRow } from "@/model/storage";
import { untilFull } from "./poolColumns";
import { ZfsFacts } from "./ZfsFacts";

const size = (n: number) => bytes(n).join(" ");

const CHARTS = [
  {
    key: "usage",
    title: "Used",
    lines: [["usage", "Used"]],
    percent: true,
    limit: LIMITS.storage.usage.warning,
  },
] as const;

/** The Ceph cluster that a storage lives on, as far as it was measured. */
function cephOf(row: PoolRow): CephResource | undefined {
  if (row.raw.type !== "rbd" && row.raw.type !== "cephfs") return undefined;
  const names = new Set([row.instance]);
  for (const cluster of live.list("clusters")) if (cluster.name === row.instance) names.add(cluster.instance);
  for (const node of live.nodes()) if (node.raw.clusterName === row.instance) names.add(node.instance);
  return live.list("cephClusters").find((ceph) => names.has(ceph.instance));
}

function Rate(props: { row: PoolRow; series: Series | null | undefined }) {
  const perDay = () => (props.series ? growth(props.series.times, props.series.values) : null);
  return (
    <Show when={perDay() !== null} fallback={<span class="muted">too little history</span>}>
      {Math.abs(perDay() ?? 0) < 0.05
        ? "steady"
        : `${(perDay() ?? 0) > 0 ? "+" : "−"}${percent(Math.abs(perDay() ?? 0))} % a day`}
      <Show when={untilFull(props.row, props.series)}>{(words) => <>, full in {words()}</>}</Show>
    </Show>
  );
}

export default function PoolDetails(props: {
  id: string;
  rows: () => readonly PoolRow[];
  trend: (id: string) => Series | null | undefined;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="storage" onClose={props.onClose}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name}
          badge={r().raw.type}
          what="storage"
          onClose={props.onClose}
          onMove={props.onMove}
          meta={
            <>
              <span>{r().raw.shared ? `shared by ${plural(r().nodes.length, "node")}` : r().raw.node}</span>
              <i>/</i>
              <span>{r().instance}</span>
              <i>·</i>
              <span>{r().why.toLowerCase()}</span>
            </>
          }
        >
          <Show when={r().level === "critical" || r().level === "warning"}>
            <div class="mt-3">
              <Note level={r().level}>
                <b class="font-semibold">{r().why}</b>
                <Show when={!r().available}>
                  <div class="text-xs">
                    Proxmox says that the storage is enabled but cannot be used on the node that was asked.
                    Look at its mount or its server.
                  </div>
                </Show>
              </Note>
            </div>
          </Show>
          <History type="storage" id={r().id} charts={CHARTS} />
          <div class="dsec two">
            <section>
              <h3>
                Room
                <Source name="Proxmox API" at={r().lastSeen} />
              </h3>
              <dl class="facts">
                <Fact name="Used">
                  {r().used === null ? UNKNOWN : `${size(r().raw.used)}, ${percent(r().used ?? 0)} %`}
                </Fact>
                <Fact name="Free">{r().used === null ? UNKNOWN : size(r().raw.free)}</Fact>
                <Fact name="Size">{r().raw.total > 0 ? size(r().raw.total) : UNKNOWN}</Fact>
                <Fact name="Trend">
                  <Rate row={r()} series={props.trend(r().id)} />
                </Fact>
              </dl>
            </section>
            <section>
              <h3>
                Definition
                <Source name="Proxmox API" at={r().lastSeen} />
              </h3>
              <dl class="facts">
                <Fact name="Content">{r().content.join(", ") || UNKNOWN}</Fact>
                <Fact name="State">
                  {r().raw.status}
                  {r().raw.enabled ? "" : ", not enabled"}
                </Fact>
                <Fact name="Nodes">{r().nodes.join(", ") || UNKNOWN}</Fact>
                <Fact name="Pulse id">
                  <Copyable text={r().id} label="the id" />
                </Fact>
              </dl>
            </section>
          </div>
          <Show when={r().raw.thinPool}>
            {(thin) => (
              <section class="dsec">
                <h3>
                  Thin pool <span class="mono">{`${thin().volumeGroup}/${thin().name}`}</span>
                  <Source name="Proxmox API" at={r().lastSeen} />
                </h3>
                <table class="fs">
                  <colgroup>
                    <col />
                    <col style={{ width: "260px" }} />
                  </colgroup>
                  <tbody>
                    <tr>
                      <td>Data</td>
                      <td>
                        <Meter
                          value={thin().usage}
                          over={r().usedOver}
                          limit={LIMITS.storage.usage}
                          detail={<Pair used={thin().used} total={thin().size} />}
                        />
                      </td>
                    </tr>
                    <tr>
                      <td>Metadata</td>
                      <td>
                        <Meter
                          value={r().metadata}
                          over={r().metadataOver}
                          limit={LIMITS.storage.metadata}
                          detail={<Pair used={thin().metadataUsed} total={thin().metadataSize} />}
                        />
                      </td>
                    </tr>
                  </tbody>
                </table>
                <Show when={r().metadataOver}>
                  <p class="muted text-xs mt-2">
                    When the metadata is full the pool takes no more writes, whatever room is left for data.
                    <span class="mono"> lvextend --poolmetadatasize</span> on the node makes it larger.
                  </p>
                </Show>
              </section>
            )}
          </Show>
          <Show when={r().raw.zfsPool}>
            {(pool) => <ZfsFacts pool={pool()} node={r().raw.node} seen={r().lastSeen} />}
          </Show>
          <Show when={cephOf(r())}>
            {(ceph) => (
              <section class="dsec">
                <h3>
                  Ceph cluster
                  <Source name="Ceph, by the Proxmox API" at={ceph().lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="Health">
                    {ceph().health.replace("HEALTH_", "")}
                    {ceph().healthMessage ? `: ${ceph().healthMessage}` : ""}
                  </Fact>
                  <Fact name="Capacity">
                    {size(ceph().usedBytes)} of {size(ceph().totalBytes)}
                  </Fact>
                  <Fact name="OSDs">
                    {ceph().numOsdsUp} of {ceph().numOsds} up
                  </Fact>
                  <Fact name="Groups">{plural(ceph().numPGs, "placement group")}</Fact>
                  <For each={ceph().pools ?? []}>
                    {(pool) => (
                      <Fact name={pool.name}>
                        {size(pool.storedBytes)} stored, {percent(pool.percentUsed)} %
                      </Fact>
                    )}
                  </For>
                </dl>
                <p class="mt-2">
                  <A href="/proxmox/ceph">All about this Ceph cluster</A>
                </p>
              </section>
            )}
          </Show>
        </Drawer>
      )}
    </Opened>
  );
}
