import { For, Show } from "solid-js";
import { Button, ButtonLink } from "@/components/Button";
import { Copyable } from "@/components/Copy";
import History, { machineCharts } from "@/components/chart/History";
import { Drawer, Fact, Gone, Source } from "@/components/drawer/Drawer";
import { Filesystems } from "@/components/drawer/Filesystems";
import { Note } from "@/components/Status";
import { Age, temperature } from "@/components/Values";
import { bytes, duration, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { LIMITS } from "@/model/level";
import { nodeLink, versionOf } from "@/model/node";

const size = (n: number) => bytes(n).join(" ");

export default function NodeDetails(props: {
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
  onScope: (node: string) => void;
  isScoped: (node: string) => boolean;
}) {
  const row = () => {
    live.structure();
    return live.nodes().find((node) => node.id === props.id);
  };
  return (
    <Show when={row()} keyed fallback={<Gone what="node" id={props.id} onClose={props.onClose} />}>
      {(node) => {
        const r = () => (live.tick(), node);
        const guests = () => live.guests().filter((g) => g.instance === r().instance && g.node === r().name);
        const temps = () => {
          const t = r().raw.temperature;
          if (!t?.available || r().offline) return [];
          return [
            ...(t.cpuPackage === undefined ? [] : [["CPU package", t.cpuPackage] as const]),
            ...(t.cpuMax === undefined ? [] : [["Hottest core", t.cpuMax] as const]),
            ...(t.nvme ?? []).map((d) => [d.device, d.temp] as const),
            ...(t.gpu ?? []).map((d) => [d.device, d.edge ?? d.junction ?? d.mem ?? 0] as const),
            ...(t.smart ?? [])
              .filter((d) => !d.standbySkipped)
              .map((d) => [d.device, d.temperature] as const),
          ];
        };
        return (
          <Drawer
            level={r().level}
            why={r().why}
            title={r().name}
            badge="Node"
            what="node"
            onClose={props.onClose}
            onMove={props.onMove}
            meta={
              <>
                <span>{r().place}</span>
                <i>·</i>
                <span>{r().uptime === null ? r().why.toLowerCase() : `up ${duration(r().uptime ?? 0)}`}</span>
                <i>·</i>
                <span>{plural(guests().length, "guest")}</span>
                <Show when={r().raw.linkedHostAgentId}>
                  <i>·</i>
                  <span>agent installed</span>
                </Show>
              </>
            }
            actions={
              <>
                <Show when={nodeLink(r().raw)} keyed>
                  {(url) => (
                    <ButtonLink icon="ext" href={url} target="_blank" rel="noreferrer noopener">
                      Proxmox
                    </ButtonLink>
                  )}
                </Show>
                <Button
                  icon="filter"
                  aria-pressed={props.isScoped(r().name)}
                  onClick={() => props.onScope(r().name)}
                >
                  {props.isScoped(r().name) ? "Show all guests" : "Only its guests"}
                </Button>
              </>
            }
          >
            <Show when={r().offline}>
              <div class="mt-3">
                <Note level="critical">
                  <b class="font-semibold">{r().name} does not answer</b>
                  <div class="text-xs">
                    <Show when={r().lastSeen > 0} fallback="It has not answered since Pulse started. ">
                      Last seen <Age at={r().lastSeen} />.{" "}
                    </Show>
                    {plural(guests().length, "guest")} on it cannot be read; their values are withheld, not
                    zero.
                  </div>
                </Note>
              </div>
            </Show>
            <Show when={r().level === "warning" || (r().level === "critical" && !r().offline)}>
              <div class="mt-3">
                <Note level={r().level}>
                  <b class="font-semibold">{r().why}</b>
                  <div class="text-xs">
                    Limits: CPU {LIMITS.node.cpu.warning} %, memory {LIMITS.node.mem.warning} %, disk{" "}
                    {LIMITS.node.disk.warning} %, {LIMITS.node.temperature.warning} °C.
                  </div>
                </Note>
              </div>
            </Show>
            <History type="node" id={r().id} charts={machineCharts(LIMITS.node)} />
            <div class="dsec two">
              <section>
                <h3>
                  Machine
                  <Source name="Proxmox API" at={r().lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="Processor">{r().raw.cpuInfo?.model || UNKNOWN}</Fact>
                  <Fact name="Cores">
                    {r().cores || UNKNOWN}
                    <Show when={(r().raw.cpuInfo?.sockets ?? 0) > 0}>
                      {" "}
                      in {plural(r().raw.cpuInfo?.sockets ?? 0, "socket")}
                    </Show>
                  </Fact>
                  <Fact name="Memory">{r().raw.maxmem > 0 ? size(r().raw.maxmem) : UNKNOWN}</Fact>
                  <Fact name="Load">
                    {r().offline || !r().raw.loadAverage?.length
                      ? UNKNOWN
                      : r()
                          .raw.loadAverage?.map((l) => l.toFixed(2))
                          .join(" · ")}
                  </Fact>
                </dl>
              </section>
              <section>
                <h3>
                  Software
                  <Source name="Proxmox API" at={r().lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="Proxmox VE">{versionOf(r().raw) || UNKNOWN}</Fact>
                  <Fact name="Kernel">{r().raw.kernelVersion || UNKNOWN}</Fact>
                  <Fact name="Address">
                    <Show when={r().raw.host} keyed fallback={UNKNOWN}>
                      {(host) => <Copyable text={host} label="the address" />}
                    </Show>
                  </Fact>
                  <Fact name="Pulse id">
                    <Copyable text={r().id} label="the id" />
                  </Fact>
                </dl>
              </section>
            </div>
            <Show when={r().raw.disk && !r().offline && r().raw.disk} keyed>
              {(disk) => (
                <section class="dsec">
                  <h3>
                    Root filesystem
                    <Source name="Proxmox API" at={r().lastSeen} />
                  </h3>
                  <Filesystems
                    disks={[{ ...disk, mountpoint: disk.mountpoint ?? "/" }]}
                    limit={LIMITS.node.disk}
                  />
                </section>
              )}
            </Show>
            <Show when={temps().length > 0}>
              <section class="dsec">
                <h3>
                  Temperatures
                  <Source name="sensors" at={r().lastSeen} />
                </h3>
                <dl class="facts">
                  <For each={temps()}>
                    {([name, value]) => (
                      <div style={{ "grid-template-columns": "minmax(0, 1fr) auto" }}>
                        <dt class="mono">{name}</dt>
                        <dd data-tone={value >= LIMITS.node.temperature.warning ? "warning" : undefined}>
                          {temperature(value)[0]}
                          <span class="u">{temperature(value)[1]}</span>
                        </dd>
                      </div>
                    )}
                  </For>
                </dl>
              </section>
            </Show>
          </Drawer>
        );
      }}
    </Show>
  );
}
