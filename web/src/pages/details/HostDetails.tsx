import { For, Show } from "solid-js";
import { Copyable } from "@/components/Copy";
import History, { machineCharts } from "@/components/chart/History";
import { Drawer, Fact, Gone, Source } from "@/components/drawer/Drawer";
import { Filesystems } from "@/components/drawer/Filesystems";
import { Interfaces } from "@/components/drawer/Interfaces";
import { Badge, Note, Status } from "@/components/Status";
import { Age, Bytes, temperature } from "@/components/Values";
import { bytes, duration, percent, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { LIMITS, type Level } from "@/model/level";

const size = (n: number) => bytes(n).join(" ");

export default function HostDetails(props: {
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  const row = () => {
    live.structure();
    return live.hosts().find((host) => host.id === props.id);
  };
  return (
    <Show when={row()} keyed fallback={<Gone what="host" id={props.id} onClose={props.onClose} />}>
      {(host) => {
        const r = () => (live.tick(), host);
        const sensors = () => r().raw.sensors;
        const numbers = (map: Record<string, number> | undefined) => Object.entries(map ?? {});
        const raidLevel = (state: string, failed: number): Level =>
          failed > 0 || /degraded|failed/i.test(state)
            ? "warning"
            : /recover|resync|rebuild|check/i.test(state)
              ? "notice"
              : "ok";
        return (
          <Drawer
            level={r().level}
            why={r().why}
            title={r().name}
            badge="Host"
            what="host"
            onClose={props.onClose}
            onMove={props.onMove}
            meta={
              <>
                <span>{r().os || r().raw.platform}</span>
                <Show when={r().uptime !== null}>
                  <i>·</i>
                  <span>up {duration(r().uptime ?? 0)}</span>
                </Show>
                <Show when={r().raw.agentVersion}>
                  <i>·</i>
                  <span>agent {r().raw.agentVersion}</span>
                </Show>
              </>
            }
          >
            <Show when={r().level === "warning" || r().level === "critical"}>
              <div class="mt-3">
                <Note level={r().level}>
                  <b class="font-semibold">{r().why}</b>
                  <div class="text-xs">
                    <Show
                      when={r().offline}
                      fallback={
                        <>
                          Limits: CPU {LIMITS.host.cpu.warning} %, memory {LIMITS.host.mem.warning} %, disk{" "}
                          {LIMITS.host.disk.warning} %
                          <Show when={r().diskOver && r().fullest}>
                            {" "}
                            · {r().fullest?.mountpoint} {percent(r().disk ?? 0)} %
                          </Show>
                        </>
                      }
                    >
                      Last report <Age at={r().lastSeen} />. Check that the agent runs and reaches this
                      server.
                    </Show>
                  </div>
                </Note>
              </div>
            </Show>
            <History type="host" id={r().id} charts={machineCharts(LIMITS.host)} />
            <div class="dsec two">
              <section>
                <h3>
                  Machine
                  <Source name="agent" at={r().lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="Host name">
                    <Copyable text={r().raw.hostname} label="the host name" />
                  </Fact>
                  <Show when={r().raw.cpuModel}>
                    <Fact name="Processor">{r().raw.cpuModel}</Fact>
                  </Show>
                  <Fact name="Cores">{r().raw.cpuCount ?? UNKNOWN}</Fact>
                  <Fact name="Memory">{r().raw.memory ? size(r().raw.memory?.total ?? 0) : UNKNOWN}</Fact>
                  <Show when={r().raw.memory?.swapTotal}>
                    <Fact name="Swap">
                      {size(r().raw.memory?.swapUsed ?? 0)} of {size(r().raw.memory?.swapTotal ?? 0)}
                    </Fact>
                  </Show>
                  <Fact name="Load">
                    {r().raw.loadAverage?.length
                      ? r()
                          .raw.loadAverage?.map((l) => l.toFixed(2))
                          .join(" · ")
                      : UNKNOWN}
                  </Fact>
                  <Show when={r().raw.networkIn !== undefined}>
                    <Fact name="Network">
                      <Bytes value={r().raw.networkIn} perSecond /> in,{" "}
                      <Bytes value={r().raw.networkOut} perSecond /> out
                    </Fact>
                  </Show>
                </dl>
              </section>
              <section>
                <h3>
                  Software
                  <Source name="agent" at={r().lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="System">{r().os || UNKNOWN}</Fact>
                  <Fact name="Kernel">{r().raw.kernelVersion || UNKNOWN}</Fact>
                  <Fact name="Type">{r().raw.architecture || UNKNOWN}</Fact>
                  <Fact name="Agent">
                    {r().raw.agentVersion ?? UNKNOWN}
                    <Show when={r().raw.intervalSeconds}>, every {r().raw.intervalSeconds} s</Show>
                  </Fact>
                  <Show when={r().raw.tokenName}>
                    <Fact name="Token">{r().raw.tokenName}</Fact>
                  </Show>
                  <Fact name="Pulse id">
                    <Copyable text={r().id} label="the id" />
                  </Fact>
                </dl>
              </section>
            </div>
            <Show when={(r().raw.disks?.length ?? 0) > 0}>
              <section class="dsec">
                <h3>
                  Filesystems
                  <Source name="agent" at={r().lastSeen} />
                </h3>
                <Filesystems disks={r().raw.disks ?? []} limit={LIMITS.host.disk} />
              </section>
            </Show>
            <Show when={(r().raw.raid?.length ?? 0) > 0}>
              <section class="dsec">
                <h3>RAID</h3>
                <For each={r().raw.raid}>
                  {(array) => (
                    <div class="border-t border-line py-1.5">
                      <div class="row">
                        <Status level={raidLevel(array.state, array.failedDevices)} label={array.state} />
                        <span class="mono">{array.device}</span>
                        <span class="muted">
                          {array.level}, {array.state}, {array.activeDevices} of {array.totalDevices} active
                          {array.spareDevices ? `, ${array.spareDevices} spare` : ""}
                          {array.failedDevices ? `, ${array.failedDevices} failed` : ""}
                        </span>
                        <Show when={(array.rebuildPercent ?? 0) > 0}>
                          <Badge level="notice">
                            rebuild {percent(array.rebuildPercent ?? 0)} % {array.rebuildSpeed ?? ""}
                          </Badge>
                        </Show>
                      </div>
                      <div class="muted text-xs pl-5">
                        {array.devices?.map((d) => `${d.device} ${d.state}`).join(", ")}
                      </div>
                    </div>
                  )}
                </For>
              </section>
            </Show>
            <Show
              when={numbers(sensors()?.temperatureCelsius).length > 0 || (sensors()?.smart?.length ?? 0) > 0}
            >
              <section class="dsec">
                <h3>
                  Sensors
                  <Source name="agent" at={r().lastSeen} />
                </h3>
                <dl class="facts sensors">
                  <For each={numbers(sensors()?.temperatureCelsius)}>
                    {([name, value]) => (
                      <div>
                        <dt class="mono">{name}</dt>
                        <dd data-tone={value >= LIMITS.host.temperature.warning ? "warning" : undefined}>
                          {temperature(value).join(" ")}
                        </dd>
                      </div>
                    )}
                  </For>
                  <For each={numbers(sensors()?.fanRpm)}>
                    {([name, value]) => (
                      <div>
                        <dt class="mono">{name}</dt>
                        <dd>{Math.round(value)} rpm</dd>
                      </div>
                    )}
                  </For>
                  <For each={numbers(sensors()?.additional)}>
                    {([name, value]) => (
                      <div>
                        <dt class="mono">{name}</dt>
                        <dd>{value}</dd>
                      </div>
                    )}
                  </For>
                  <For each={sensors()?.smart}>
                    {(disk) => (
                      <div>
                        <dt class="trunc">
                          <span class="mono">{disk.device}</span> {disk.model}
                        </dt>
                        <dd class="row justify-end">
                          <Show when={disk.health}>
                            <Status
                              level={
                                disk.health === "PASSED"
                                  ? "ok"
                                  : disk.health === "FAILED"
                                    ? "critical"
                                    : "unknown"
                              }
                              label={`SMART ${disk.health}`}
                            />
                          </Show>
                          {disk.standby ? "standby" : temperature(disk.temperature).join(" ")}
                        </dd>
                      </div>
                    )}
                  </For>
                </dl>
              </section>
            </Show>
            <Show when={(r().raw.networkInterfaces?.length ?? 0) > 0}>
              <section class="dsec">
                <h3>
                  Network interfaces
                  <Source name="agent" at={r().lastSeen} />
                </h3>
                <Interfaces list={r().raw.networkInterfaces ?? []} />
              </section>
            </Show>
          </Drawer>
        );
      }}
    </Show>
  );
}
