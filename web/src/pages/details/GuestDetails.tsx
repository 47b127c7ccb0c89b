import { createSignal, Show } from "solid-js";
import { errorText } from "@/api/client";
import { Button, ButtonLink } from "@/components/Button";
import { Copyable } from "@/components/Copy";
import History, { machineCharts } from "@/components/chart/History";
import { Dialog } from "@/components/Dialog";
import { Drawer, Fact, Gone, Source } from "@/components/drawer/Drawer";
import { Filesystems } from "@/components/drawer/Filesystems";
import { Interfaces } from "@/components/drawer/Interfaces";
import { TextField } from "@/components/Field";
import { Note, Status } from "@/components/Status";
import { Tags } from "@/components/Tags";
import { toast } from "@/components/toast";
import { Age, Bytes } from "@/components/Values";
import { bytes, duration, percent, UNKNOWN } from "@/format/format";
import { guestLink, linksAvailable, saveLink } from "@/live/links";
import { live } from "@/live/live";
import { diskReason, type GuestRow } from "@/model/guest";
import { LIMITS } from "@/model/level";
import { nodeLink, safeUrl } from "@/model/node";
import { mayRead } from "@/session/session";

const size = (n: number) => bytes(n).join(" ");

function LinkDialog(props: { row: GuestRow; onClose: () => void }) {
  const [url, setUrl] = createSignal(guestLink(props.row.id));
  const [error, setError] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const save = async (value: string) => {
    if (value && !safeUrl(value)) {
      setError("An address begins with http:// or https://.");
      return;
    }
    setBusy(true);
    try {
      await saveLink(props.row.id, value);
      toast({ level: "ok", title: value ? "Link saved" : "Link removed", detail: props.row.name });
      props.onClose();
    } catch (e) {
      setError(errorText(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Link of ${props.row.name}`}
      onClose={props.onClose}
      onSubmit={() => void save(url().trim())}
      footer={
        <>
          <Show when={guestLink(props.row.id)}>
            <Button kind="danger" onClick={() => void save("")}>
              Remove
            </Button>
          </Show>
          <span class="spacer" />
          <Button kind="ghost" onClick={props.onClose}>
            Cancel
          </Button>
          <Button kind="primary" type="submit" pending={busy()}>
            Save
          </Button>
        </>
      }
    >
      <TextField
        label="Address"
        type="url"
        value={url()}
        onInput={setUrl}
        error={error()}
        autofocus
        placeholder="https://app.lan"
        help="Opens from the list and from here, in a new tab. Everybody sees it."
      />
    </Dialog>
  );
}

function Evidence(props: { row: GuestRow }) {
  const r = () => (live.tick(), props.row);
  const line = (name: string, value: number | null, limit: number, detail: string) =>
    `${name} ${percent(value ?? 0)} %, limit ${limit} %${detail ? ` · ${detail}` : ""}`;
  return (
    <Show when={r().level === "warning" || r().level === "critical"}>
      <div class="mt-3">
        <Note level={r().level}>
          <b class="font-semibold">Over the limit now</b>
          <Show when={r().cpuOver}>
            <div class="text-xs">
              {line("CPU", r().cpu, LIMITS.guest.cpu.warning, `${r().raw.cpus} vCPU`)}
            </div>
          </Show>
          <Show when={r().memOver}>
            <div class="text-xs">
              {line(
                "Memory",
                r().mem,
                LIMITS.guest.mem.warning,
                `${size(r().memUsed)} of ${size(r().memTotal)}`,
              )}
            </div>
          </Show>
          <Show when={r().diskOver}>
            <div class="text-xs">
              {line(
                "Disk",
                r().disk,
                LIMITS.guest.disk.warning,
                `${size(r().diskUsed)} of ${size(r().diskTotal)}`,
              )}
            </div>
          </Show>
        </Note>
      </div>
    </Show>
  );
}

export default function GuestDetails(props: {
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
  onTag: (tag: string) => void;
  onNode: (id: string) => void;
}) {
  const [editing, setEditing] = createSignal(false);
  const row = () => {
    live.structure();
    return live.guestById().get(props.id);
  };
  return (
    <Show when={row()} keyed fallback={<Gone what="guest" id={props.id} onClose={props.onClose} />}>
      {(guest) => {
        const r = () => (live.tick(), guest);
        const node = () => live.nodes().find((n) => n.instance === r().instance && n.name === r().node);
        const inside = () => r().raw.type === "qemu";
        const insideSeen = () => (inside() ? (r().raw.agentSeen ?? r().lastSeen) : r().lastSeen);
        return (
          <Drawer
            level={r().level}
            why={r().why}
            title={r().name}
            badge={`${r().kind} ${r().vmid}`}
            what="guest"
            onClose={props.onClose}
            onMove={props.onMove}
            meta={
              <>
                <Show when={node()} fallback={<span>{r().node}</span>}>
                  {(n) => (
                    <button type="button" class="linkish" onClick={() => props.onNode(n().id)}>
                      {r().node}
                    </button>
                  )}
                </Show>
                <i>/</i>
                <span>{node()?.place ?? r().instance}</span>
                <i>·</i>
                <span>
                  {r().power === "running"
                    ? r().uptime === null
                      ? "running"
                      : `running ${duration(r().uptime ?? 0)}`
                    : r().why.toLowerCase()}
                </span>
                <Show when={r().backup} keyed>
                  {(at) => (
                    <>
                      <i>·</i>
                      <span>
                        backup <Age at={at} />
                      </span>
                    </>
                  )}
                </Show>
                <span class="spacer" />
                <Tags tags={r().tags} max={6} onToggle={props.onTag} />
              </>
            }
            actions={
              <>
                <Show when={safeUrl(guestLink(r().id))} keyed>
                  {(url) => (
                    <ButtonLink icon="ext" href={url} target="_blank" rel="noreferrer noopener">
                      {new URL(url).host}
                    </ButtonLink>
                  )}
                </Show>
                <Show when={node() && nodeLink(node()?.raw ?? ({} as never))} keyed>
                  {(url) => (
                    <ButtonLink icon="ext" href={url} target="_blank" rel="noreferrer noopener">
                      Proxmox
                    </ButtonLink>
                  )}
                </Show>
                <Show when={linksAvailable() && mayRead("monitoring:write")}>
                  <Button icon="edit" onClick={() => setEditing(true)}>
                    {guestLink(r().id) ? "Change link" : "Add a link"}
                  </Button>
                </Show>
              </>
            }
          >
            <Evidence row={guest} />
            <Show when={r().power === "unknown"}>
              <div class="mt-3">
                <Note level="unknown">
                  {r().why}. Values are withheld because they are no longer evidence
                  <Show when={r().lastSeen > 0}>
                    {" "}
                    (last report <Age at={r().lastSeen} />)
                  </Show>
                  .
                </Note>
              </div>
            </Show>
            <History
              type={r().kind === "VM" ? "vm" : "container"}
              id={r().id}
              charts={machineCharts(LIMITS.guest)}
            />
            <div class="dsec two">
              <section>
                <h3>
                  Inside the guest
                  <Source name={inside() ? "guest agent" : "container"} at={insideSeen()} />
                </h3>
                <dl class="facts">
                  <Fact name="System">
                    {[r().raw.osName, r().raw.osVersion].filter(Boolean).join(" ") || r().raw.osTemplate || (
                      <span class="muted">{UNKNOWN}</span>
                    )}
                  </Fact>
                  <Fact name="Address">
                    <Show
                      when={r().raw.ipAddresses?.[0]}
                      keyed
                      fallback={<span class="muted">{UNKNOWN}</span>}
                    >
                      {(ip) => <Copyable text={ip} label={`address ${ip}`} />}
                    </Show>
                  </Fact>
                  <Show when={r().raw.memory?.swapTotal}>
                    <Fact name="Swap">
                      {size(r().raw.memory?.swapUsed ?? 0)} of {size(r().raw.memory?.swapTotal ?? 0)}
                    </Fact>
                  </Show>
                  <Show when={inside()}>
                    <Fact name="Agent">
                      {r().raw.agentVersion ?? (
                        <span class="muted">{diskReason(r().raw)?.[0] ?? UNKNOWN}</span>
                      )}
                    </Fact>
                  </Show>
                </dl>
              </section>
              <section>
                <h3>
                  On the hypervisor
                  <Source name="Proxmox API" at={r().lastSeen} />
                </h3>
                <dl class="facts">
                  <Fact name="vCPU">{r().raw.cpus}</Fact>
                  <Fact name="Memory">
                    {r().memTotal > 0 ? size(r().memTotal) : UNKNOWN}
                    <Show when={r().raw.memory?.balloon && (r().raw.memory?.balloon ?? 0) < r().memTotal}>
                      , balloon at {size(r().raw.memory?.balloon ?? 0)}
                    </Show>
                  </Fact>
                  <Fact name="Disk">{r().diskTotal > 0 ? size(r().diskTotal) : UNKNOWN}</Fact>
                  <Fact name="Network">
                    <Bytes value={r().netIn} perSecond /> in, <Bytes value={r().netOut} perSecond /> out
                  </Fact>
                  <Fact name="Disk IO">
                    <Bytes value={r().read} perSecond /> read, <Bytes value={r().write} perSecond /> written
                  </Fact>
                  <Show when={r().pool}>
                    <Fact name="Pool">{r().pool}</Fact>
                  </Show>
                  <Show when={r().raw.lock}>
                    <Fact name="Lock">{r().raw.lock}</Fact>
                  </Show>
                  <Fact name="Last backup">
                    <Show when={r().backup} keyed fallback={<span class="muted">none known</span>}>
                      {(at) => <Age at={at} />}
                    </Show>
                  </Fact>
                  <Fact name="Pulse id">
                    <Copyable text={r().id} label="the id" />
                  </Fact>
                </dl>
              </section>
            </div>
            <section class="dsec">
              <h3>
                Filesystems
                <Source name={inside() ? "guest agent" : "Proxmox API"} at={insideSeen()} />
              </h3>
              <Show
                when={(r().raw.disks?.length ?? 0) > 0}
                fallback={
                  <Show
                    when={r().disk !== null && r().raw.disk}
                    keyed
                    fallback={
                      <p class="muted row">
                        <Status level="unknown" decorative />
                        {diskReason(r().raw)?.[1] ?? "No filesystem figures are reported for this guest."}
                      </p>
                    }
                  >
                    {(disk) => (
                      <Filesystems
                        disks={[{ ...disk, mountpoint: disk.mountpoint ?? "/" }]}
                        limit={LIMITS.guest.disk}
                      />
                    )}
                  </Show>
                }
              >
                <Filesystems disks={r().raw.disks ?? []} limit={LIMITS.guest.disk} />
              </Show>
            </section>
            <Show when={(r().raw.networkInterfaces?.length ?? 0) > 0}>
              <section class="dsec">
                <h3>
                  Network interfaces
                  <Source name={inside() ? "guest agent" : "Proxmox API"} at={insideSeen()} />
                </h3>
                <Interfaces list={r().raw.networkInterfaces ?? []} />
              </section>
            </Show>
            <Show when={editing()}>
              <LinkDialog row={guest} onClose={() => setEditing(false)} />
            </Show>
          </Drawer>
        );
      }}
    </Show>
  );
}
