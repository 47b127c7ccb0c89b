/** State, scan and members of a ZFS pool, for the details of a storage and of the pool. */
import { For, Show } from "solid-js";
import type { PoolHealth } from "@/api/proxmox";
import { Fact, Source } from "@/components/drawer/Drawer";
import { Note, Status } from "@/components/Status";
import { Bar } from "@/components/Values";
import { absolute, percent, plural } from "@/format/format";
import { live } from "@/live/live";
import { zfsLevel } from "@/model/storage";
import { scanWords } from "@/model/zfs";

export function ZfsFacts(props: { pool: PoolHealth; node: string; seen: number }) {
  const pool = () => props.pool;
  const errors = () => pool().readErrors + pool().writeErrors + pool().checksumErrors;
  return (
    <section class="dsec">
      <h3>
        ZFS pool {pool().name}
        <Source name={`zpool status on ${props.node}`} at={props.seen} />
      </h3>
      <Show when={pool().status}>
        <Note level={zfsLevel(pool().state) === "ok" ? "notice" : zfsLevel(pool().state)}>
          {pool().status}
        </Note>
      </Show>
      <dl class="facts mt-1">
        <Fact name="State">
          <span class="row" style={{ gap: "6px" }}>
            <Status level={zfsLevel(pool().state)} decorative />
            {pool().state || "not reported"}
          </span>
        </Fact>
        <Fact name={pool().lastScan?.resilver ? "Resilver" : "Scrub"}>
          <span class="row">
            <Show when={typeof pool().lastScan?.progress === "number"}>
              <Bar value={pool().lastScan?.progress ?? 0} />
            </Show>
            <span
              title={
                pool().lastScan?.finished ? absolute(new Date(pool().lastScan?.finished ?? 0)) : undefined
              }
            >
              {scanWords(pool(), live.serverNow()).replace(/^(scrub|resilver) /, "")}
            </span>
          </span>
          <Show when={pool().scan}>
            <div class="muted text-xs">{pool().scan}</div>
          </Show>
        </Fact>
        <Fact name="Errors">
          {errors() === 0
            ? "none"
            : `${pool().readErrors} read, ${pool().writeErrors} write, ${pool().checksumErrors} checksum`}
        </Fact>
        <Show when={pool().fragmentation !== undefined}>
          <Fact name="Fragments">{percent(pool().fragmentation ?? 0)} %</Fact>
        </Show>
      </dl>
      <Show
        when={pool().devices.length > 0}
        fallback={<p class="muted text-xs mt-2">All devices of the pool are online and without errors.</p>}
      >
        <table class="fs mt-2">
          <colgroup>
            <col />
            <col style={{ width: "96px" }} />
            <col style={{ width: "150px" }} />
          </colgroup>
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col">State</th>
              <th scope="col" class="num">
                Read, write, checksum errors
              </th>
            </tr>
          </thead>
          <tbody>
            <For each={pool().devices}>
              {(device) => (
                <tr>
                  <td
                    class="trunc"
                    title={[device.name, device.type, device.message].filter(Boolean).join(" · ")}
                  >
                    <span class="row" style={{ gap: "6px" }}>
                      <Status level={zfsLevel(device.state)} label={device.state} />
                      <span class="mono trunc">{device.name}</span>
                      <span class="muted text-xs trunc">{device.message || device.type}</span>
                    </span>
                  </td>
                  <td>{device.state}</td>
                  <td
                    class="num"
                    aria-label={`${plural(device.readErrors, "read error")}, ${plural(device.writeErrors, "write error")}, ${plural(device.checksumErrors, "checksum error")}`}
                  >
                    {device.readErrors} · {device.writeErrors} · {device.checksumErrors}
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </Show>
    </section>
  );
}
