/** Servers found on the network: the last scan, its progress, a scan now, add by clicking. */
import { A } from "@solidjs/router";
import { createSignal, For, onCleanup, Show } from "solid-js";
import { errorText } from "@/api/client";
import * as api from "@/api/settings";
import type { ConfiguredNode, NodeType } from "@/api/types";
import { Button } from "@/components/Button";
import { TextField } from "@/components/Field";
import { PORT, TYPE_NAME } from "@/components/node-form/form";
import { Status } from "@/components/Status";
import { toast } from "@/components/toast";
import { Age } from "@/components/Values";
import { plural } from "@/format/format";
import { createAsked } from "@/live/asked";
import { onServerEvent } from "@/live/live";
import { badCidr } from "../system/fields";

interface Progress {
  phase: string;
  percent: number;
  found: number;
}

/** The service's messages come bare or wrapped in another `data`. */
function readProgress(data: unknown): Progress | undefined {
  const outer = (data ?? {}) as Record<string, unknown>;
  const inner = (outer.progress ?? (outer.data as Record<string, unknown> | undefined)?.progress) as
    Record<string, unknown> | undefined;
  if (!inner) return undefined;
  return {
    phase: typeof inner.current_phase === "string" ? inner.current_phase : "",
    percent: Math.max(0, Math.min(100, Number(inner.percentage) || 0)),
    found: Number(inner.servers_found) || 0,
  };
}

const address = (s: api.DiscoveredServer) => `https://${s.hostname || s.ip}:${s.port || PORT[s.type]}`;

export function DiscoverySection(props: {
  nodes: readonly ConfiguredNode[];
  write: boolean;
  onAdd: (type: NodeType, host: string) => void;
}) {
  const asked = createAsked(() => "discover", api.discovery, { every: 60_000 });
  const [scanning, setScanning] = createSignal(false);
  const [progress, setProgress] = createSignal<Progress>();
  const [failure, setFailure] = createSignal("");
  const [subnet, setSubnet] = createSignal("auto");
  const wrong = () =>
    subnet().trim() === "auto" || !badCidr(subnet().trim())
      ? ""
      : "auto, or a network such as 192.168.1.0/24.";

  const stop = onServerEvent((name, data) => {
    if (!name.startsWith("discovery")) return;
    const next = readProgress(data);
    if (next) setProgress(next);
    if (name === "discovery_complete" || name === "discovery_update") {
      setProgress(undefined);
      void asked.again();
    }
  });
  onCleanup(stop);

  const scan = async () => {
    if (wrong()) return;
    setScanning(true);
    setFailure("");
    try {
      const answer = await api.discover(subnet().trim() || "auto");
      await asked.again();
      toast({ level: "ok", title: `${plural(answer.servers?.length ?? 0, "server")} found` });
    } catch (error) {
      setFailure(errorText(error));
    } finally {
      setScanning(false);
      setProgress(undefined);
    }
  };

  const known = () =>
    new Set(
      props.nodes.flatMap((n) => [
        n.host.replace(/^https?:\/\//, "").replace(/\/$/, ""),
        ...(n.clusterEndpoints ?? []).flatMap((e) => [`${e.IP}:8006`, e.Host.replace(/^https?:\/\//, "")]),
      ]),
    );
  const found = () =>
    (asked.value()?.servers ?? []).filter(
      (s) => !known().has(`${s.ip}:${s.port}`) && !known().has(`${s.hostname}:${s.port}`),
    );
  const updated = () => (asked.value()?.updated ?? 0) * 1000;

  // Not every server looks around.
  return (
    <Show when={!asked.missing()}>
      <section class="extra" aria-labelledby="found-title">
        <div class="extra-h">
          <h2 id="found-title">Found on the network</h2>
          <span class="muted">
            <Show when={updated() > 0} fallback="Not looked yet">
              looked <Age at={updated()} />
            </Show>
          </span>
          <span class="spacer" />
          <Show when={props.write}>
            <form
              class="row"
              onSubmit={(e) => {
                e.preventDefault();
                void scan();
              }}
            >
              <TextField label="Network" value={subnet()} onInput={setSubnet} error={wrong() || undefined} />
              <Button type="submit" icon="search" pending={scanning()}>
                Look now
              </Button>
            </form>
          </Show>
        </div>
        <Show when={scanning() || progress()}>
          <div class="extra-b" role="status">
            <div class="disc-progress">
              <i style={{ width: `${progress()?.percent ?? 4}%` }} />
            </div>
            <p class="muted text-xs pt-1">
              {progress()
                ? `${progress()?.phase || "Looking"}, ${Math.round(progress()?.percent ?? 0)} %, ${plural(progress()?.found ?? 0, "server")} so far`
                : "Looking. This takes up to half a minute."}
            </p>
          </div>
        </Show>
        <Show when={failure() || asked.failure()}>
          <p class="extra-b" role="alert" data-tone="critical">
            {failure()
              ? `Looking did not work: ${failure()}`
              : `What was found could not be read: ${asked.failure()}`}
          </p>
        </Show>
        <For each={asked.value()?.errors ?? []}>{(error) => <p class="extra-b muted">{error}</p>}</For>
        <For
          each={found()}
          fallback={
            <p class="extra-b muted">
              {updated() > 0
                ? "Nothing that is not connected yet. "
                : "Pulse looks only when you ask, or every hour when that is turned on in "}
              <A class="text-accent underline" href="/settings/system">
                {updated() > 0 ? "Networks to look in" : "System"}
              </A>
            </p>
          }
        >
          {(server) => (
            <div class="found" data-row="found">
              <Status level="notice" decorative />
              <b class="trunc">
                {server.hostname || server.ip}
                <small class="muted font-normal">
                  {" "}
                  {TYPE_NAME[server.type] ?? server.type} {server.version ?? ""}
                </small>
              </b>
              <span class="mono muted trunc">
                {server.ip}:{server.port}
              </span>
              <Show when={props.write}>
                <Button
                  size="sm"
                  onClick={() => props.onAdd(server.type, address(server))}
                  aria-label={`Add ${server.hostname || server.ip}`}
                >
                  Add
                </Button>
              </Show>
            </div>
          )}
        </For>
      </section>
    </Show>
  );
}
