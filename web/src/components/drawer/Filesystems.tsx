import { For } from "solid-js";
import { Meter, Pair } from "@/components/Values";
import type { Disk } from "@/api/types";
import { over, type Limit } from "@/model/level";

export function Filesystems(props: { disks: readonly Disk[]; limit: Limit }) {
  return (
    <table class="fs">
      <colgroup>
        <col />
        <col style={{ width: "260px" }} />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">Mount</th>
          <th scope="col">Used</th>
        </tr>
      </thead>
      <tbody>
        <For each={[...props.disks].sort((a, b) => b.usage - a.usage)}>
          {(disk) => (
            <tr>
              <td
                class="mono trunc"
                title={[disk.mountpoint, disk.device, disk.type].filter(Boolean).join(" · ")}
              >
                {disk.mountpoint ?? disk.device ?? "disk"} <span class="muted">{disk.type}</span>
              </td>
              <td>
                <Meter
                  value={disk.usage >= 0 ? disk.usage : null}
                  over={over(disk.usage >= 0 ? disk.usage : null, props.limit)}
                  limit={props.limit}
                  detail={disk.total > 0 ? <Pair used={disk.used} total={disk.total} /> : undefined}
                />
              </td>
            </tr>
          )}
        </For>
      </tbody>
    </table>
  );
}
