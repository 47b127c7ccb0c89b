import { For, Show } from "solid-js";
import { Copyable } from "@/components/Copy";
import { Bytes } from "@/components/Values";
import type { NetworkInterface } from "@/api/types";

export function Interfaces(props: { list: readonly NetworkInterface[] }) {
  return (
    <table class="fs">
      <colgroup>
        <col style={{ width: "84px" }} />
        <col />
        <col style={{ width: "84px" }} />
        <col style={{ width: "84px" }} />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Addresses</th>
          <th scope="col" class="num">
            Received
          </th>
          <th scope="col" class="num">
            Sent
          </th>
        </tr>
      </thead>
      <tbody>
        <For each={props.list}>
          {(nic) => (
            <tr>
              <td class="mono trunc" title={nic.mac}>
                {nic.name}
              </td>
              <td class="py-1">
                <div class="flex flex-wrap gap-x-3 min-w-0">
                  <For each={nic.addresses ?? []} fallback={<span class="muted">no address</span>}>
                    {(address) => <Copyable text={address} label={`address ${address}`} />}
                  </For>
                  <Show when={nic.mac} keyed>
                    {(mac) => (
                      <span class="muted">
                        <Copyable text={mac} label={`MAC address ${mac}`} />
                      </span>
                    )}
                  </Show>
                </div>
              </td>
              <td class="num">
                <Bytes value={nic.rxBytes} />
              </td>
              <td class="num">
                <Bytes value={nic.txBytes} />
              </td>
            </tr>
          )}
        </For>
      </tbody>
    </table>
  );
}
