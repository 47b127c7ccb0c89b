import { useSearchParams } from "@solidjs/router";
import { createResource, createSignal, onCleanup } from "solid-js";
import { createStore } from "solid-js/store";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import type { ConfiguredNode, NodeType } from "@/api/types";
import { toast } from "@/components/toast";
import { onServerEvent } from "@/live/live";
import type { Level } from "@/model/level";

export type Dialogs =
  | { kind: "add"; type: NodeType; host?: string }
  | { kind: "edit"; node: ConfiguredNode }
  | { kind: "delete"; node: ConfiguredNode }
  | { kind: "demo-off" };

export interface NodeTest {
  state: "testing" | "ok" | "failed";
  text: string;
}

const REFRESH = 15_000;

/** State of a connection in one shape and a few words. */
export function nodeState(node: ConfiguredNode): { level: Level; text: string } {
  if (node.status !== "connected")
    return {
      level: "critical",
      text: node.statusReason ? `Not connected: ${node.statusReason}` : "Not connected",
    };
  const endpoints = node.clusterEndpoints ?? [];
  const away = endpoints.filter((e) => !e.Online || e.PulseReachable === false).length;
  if (away > 0) return { level: "warning", text: `${away} of ${endpoints.length} members do not answer` };
  return { level: "ok", text: "Connected" };
}

export function createNodesPage() {
  const [params, setParams] = useSearchParams<{ add?: string }>();
  const [nodes, { refetch }] = createResource(api.configuredNodes);
  // Older servers and tokens without the scope have no answer: then there is no switch.
  const [demo, { mutate: setDemo }] = createResource(() =>
    api.mockMode().then(
      (m) => m.enabled,
      () => undefined,
    ),
  );
  const [dialog, setDialog] = createSignal<Dialogs | undefined>(
    params.add
      ? { kind: "add", type: params.add === "pbs" || params.add === "pmg" ? params.add : "pve" }
      : undefined,
  );
  const [tests, setTests] = createStore<Record<string, NodeTest>>({});
  const [busy, setBusy] = createSignal(false);

  const timer = setInterval(() => {
    if (document.visibilityState !== "hidden" && !dialog()) void refetch();
  }, REFRESH);
  const stop = onServerEvent((name, data) => {
    if (!name.startsWith("node")) return;
    if (name === "node_auto_registered") {
      const node = data as { name?: string } | undefined;
      toast({ level: "ok", title: `${node?.name ?? "A node"} registered itself` });
      close();
    }
    void refetch();
  });
  onCleanup(() => {
    clearInterval(timer);
    stop();
  });

  const close = () => {
    setDialog(undefined);
    if (params.add) setParams({ add: undefined }, { replace: true });
  };

  const test = async (node: ConfiguredNode) => {
    setTests(node.id, { state: "testing", text: "Testing" });
    try {
      const result = await api.testNode(node.id);
      const parts = [result.version, result.latency ? `${Math.round(result.latency)} ms` : ""].filter(
        Boolean,
      );
      setTests(node.id, { state: "ok", text: `Test passed${parts.length ? `, ${parts.join(", ")}` : ""}` });
    } catch (error) {
      setTests(node.id, { state: "failed", text: `Test failed: ${errorText(error)}` });
    }
  };

  return {
    nodes,
    refetch,
    dialog,
    setDialog,
    close,
    tests,
    busy,
    test,
    async testAll() {
      setBusy(true);
      await Promise.all((nodes.latest ?? []).map(test));
      setBusy(false);
      void refetch();
    },
    async refreshMembers(node: ConfiguredNode) {
      try {
        const answer = await api.refreshCluster(node.id);
        toast({
          level: "ok",
          title: `${node.name}: ${answer.newNodeCount} members`,
          detail: answer.nodesAdded > 0 ? `${answer.nodesAdded} new` : "Nothing new",
        });
        void refetch();
      } catch (error) {
        toast({ level: "critical", title: `${node.name}: members not read`, detail: errorText(error) });
      }
    },
    async remove(node: ConfiguredNode): Promise<string> {
      try {
        await api.deleteNode(node.id);
        close();
        toast({ level: "ok", title: `${node.name} removed` });
        void refetch();
        return "";
      } catch (error) {
        return errorText(error);
      }
    },
    demo: () => demo.latest,
    async switchDemo(enabled: boolean): Promise<string> {
      try {
        await api.setMockMode(enabled);
        setDemo(enabled);
        close();
        toast({
          level: "ok",
          title: enabled ? "Demo data is on" : "Demo data and its history removed",
          ...(enabled ? { detail: "Its first figures arrive within seconds." } : {}),
        });
        return "";
      } catch (error) {
        return errorText(error);
      }
    },
    saved(name: string, added: boolean) {
      close();
      toast({
        level: "ok",
        title: added ? `${name} added` : `${name} saved`,
        ...(added ? { detail: "Its first figures arrive with the next poll." } : {}),
      });
      void refetch();
    },
  };
}
export type NodesPage = ReturnType<typeof createNodesPage>;
