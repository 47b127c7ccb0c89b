/** A Ceph cluster at a glance: why it is not healthy, how full it is, what runs, what it moves. */
import { createMemo, For, Show } from "solid-js";
import type { CephResource } from "@/api/proxmox";
import { Source } from "@/components/drawer/Drawer";
import { Status } from "@/components/Status";
import { Bytes, Meter, Pair } from "@/components/Values";
import { bytes, percent, plural, UNKNOWN } from "@/format/format";
import { LIMITS, over } from "@/model/level";
import { groupsOf, healthLevel, healthWord } from "@/model/ceph";

const SERVICE: Record<string, string> = {
  mon: "Monitors",
  mgr: "Managers",
  osd: "OSDs",
  mds: "Metadata servers",
  rgw: "Object gateways",
};

function Checks(props: { ceph: CephResource }) {
  const loud = () => (props.ceph.checks ?? []).filter((check) => !check.muted);
  const muted = () => (props.ceph.checks ?? []).filter((check) => check.muted);
  return (
    <section class="panel-part" aria-label="Health">
      <h2 class="row">
        <Status level={healthLevel(props.ceph.health, props.ceph.stale)} decorative />
        {props.ceph.stale ? "No fresh report" : healthWord(props.ceph.health)}
        <span class="muted font-normal">
          {props.ceph.instance}
          {props.ceph.name && props.ceph.name !== "Ceph" ? `, ${props.ceph.name}` : ""}
        </span>
      </h2>
      <Show
        when={loud().length > 0}
        fallback={
          <p class="muted">
            {props.ceph.health === "HEALTH_OK"
              ? "No health check is raised."
              : (props.ceph.healthMessage ?? "")}
          </p>
        }
      >
        <ul class="checks">
          <For each={loud()}>
            {(check) => (
              <li>
                <Status level={healthLevel(check.severity)} />
                <div class="min-w-0">
                  <span>{check.summary}</span> <span class="mono muted text-xs">{check.code}</span>
                  <Show when={check.detail?.length}>
                    <details>
                      <summary class="muted">{plural(check.detail?.length ?? 0, "detail")}</summary>
                      <ul class="mono text-xs muted">
                        <For each={check.detail}>{(line) => <li>{line}</li>}</For>
                      </ul>
                    </details>
                  </Show>
                </div>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={muted().length > 0}>
        <p class="muted text-xs row">
          <Status level="paused" decorative />
          {plural(muted().length, "check")} muted in Ceph:{" "}
          {muted()
            .map((c) => c.code)
            .join(", ")}
        </p>
      </Show>
    </section>
  );
}

function Capacity(props: { ceph: CephResource }) {
  const groups = createMemo(() => groupsOf(props.ceph));
  const usedOver = () => over(props.ceph.usagePercent, LIMITS.ceph.usage);
  return (
    <section class="panel-part" aria-label="Capacity">
      <h2 class="row">
        Capacity
        <Source name="Ceph" at={props.ceph.lastSeen} />
      </h2>
      <div class="panel-meter">
        <Meter
          value={props.ceph.totalBytes > 0 ? props.ceph.usagePercent : null}
          over={usedOver()}
          limit={LIMITS.ceph.usage}
          detail={<Pair used={props.ceph.usedBytes} total={props.ceph.totalBytes} />}
        />
      </div>
      <dl class="facts facts-wide">
        <div>
          <dt>Available</dt>
          <dd>{bytes(props.ceph.availableBytes).join(" ")}</dd>
        </div>
        <div>
          <dt>Placement groups</dt>
          <dd>
            <Show when={props.ceph.pgStates} fallback={props.ceph.numPGs || UNKNOWN}>
              {groups().clean} of {props.ceph.numPGs} clean
              <For each={groups().rest}>
                {([state, count]) => (
                  <div class="text-xs muted">
                    {count} {state}
                  </div>
                )}
              </For>
            </Show>
          </dd>
        </div>
        <div>
          <dt>Cluster id</dt>
          <dd class="mono text-xs muted">{props.ceph.fsid || UNKNOWN}</dd>
        </div>
      </dl>
    </section>
  );
}

function Services(props: { ceph: CephResource }) {
  const known = () => props.ceph.readBytesPerSec !== undefined;
  return (
    <section class="panel-part" aria-label="Services and throughput">
      <h2>Services</h2>
      <dl class="facts facts-wide">
        <For each={props.ceph.services ?? []} fallback={<p class="muted">Not reported.</p>}>
          {(service) => (
            <div>
              <dt>{SERVICE[service.type] ?? service.type}</dt>
              <dd>
                <span class="row" style={{ gap: "6px" }}>
                  <Status
                    level={
                      service.running >= service.total ? "ok" : service.running === 0 ? "critical" : "warning"
                    }
                    label={`${service.running} of ${service.total} run`}
                  />
                  {service.running} of {service.total}
                  <Show when={service.message}>
                    <span class="muted text-xs">{service.message}</span>
                  </Show>
                </span>
              </dd>
            </div>
          )}
        </For>
        <Show when={props.ceph.numMonsInQuorum !== undefined && props.ceph.numMons > 0}>
          <div>
            <dt>Quorum</dt>
            <dd>
              {props.ceph.numMonsInQuorum} of {plural(props.ceph.numMons, "monitor")}
            </dd>
          </div>
        </Show>
        <div>
          <dt>Read</dt>
          <dd>
            <Bytes value={known() ? props.ceph.readBytesPerSec : null} perSecond />
            <Show when={known()}>
              <span class="muted"> · {props.ceph.readOpsPerSec ?? 0} op/s</span>
            </Show>
          </dd>
        </div>
        <div>
          <dt>Write</dt>
          <dd>
            <Bytes value={known() ? props.ceph.writeBytesPerSec : null} perSecond />
            <Show when={known()}>
              <span class="muted"> · {props.ceph.writeOpsPerSec ?? 0} op/s</span>
            </Show>
          </dd>
        </div>
      </dl>
    </section>
  );
}

export function CephPanel(props: { ceph: CephResource }) {
  return (
    <article
      class="panel"
      aria-label={`Ceph of ${props.ceph.instance}, ${percent(props.ceph.usagePercent)} % used`}
    >
      <Checks ceph={props.ceph} />
      <Capacity ceph={props.ceph} />
      <Services ceph={props.ceph} />
    </article>
  );
}
