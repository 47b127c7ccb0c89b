import { createSignal, For, Match, Show, Switch } from "solid-js";
import { errorText } from "@/api/client";
import type { ConfiguredNode, NodeType } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Icon, SignalArt } from "@/components/Icon";
import { Menu } from "@/components/Menu";
import { createMedia } from "@/components/media";
import { createNodeForm, TYPE_NAME } from "@/components/node-form/form";
import { NodeFieldsView, TestResultView } from "@/components/node-form/NodeForm";
import { Segmented } from "@/components/Segmented";
import { Note, Status } from "@/components/Status";
import { plural } from "@/format/format";
import { mayRead } from "@/session/session";
import { DiscoverySection } from "./Discovery";
import { PushSection } from "./Push";
import { createNodesPage, nodeState, type NodesPage } from "./controller";

const TYPES: NodeType[] = ["pve", "pbs", "pmg"];

function NodeDialog(props: { page: NodesPage; node?: ConfiguredNode; type: NodeType; host?: string }) {
  const [type, setType] = createSignal(props.type);
  return (
    <Show when={type()} keyed>
      {(t) => {
        const form = createNodeForm(props.node, t, props.host);
        const submit = async () => {
          if (form.fields.auth === "command") return;
          if (await form.save()) props.page.saved(form.fields.name, !props.node);
        };
        const verdict = () => {
          const test = form.test();
          if (test.state === "ok")
            return (test.result.warnings?.length ?? 0) > 0 ? (
              <>
                <Status level="warning" decorative />
                Usable, with {plural(test.result.warnings?.length ?? 0, "gap")}
              </>
            ) : (
              <>
                <Status level="ok" decorative />
                Works
              </>
            );
          if (test.state === "refused")
            return (
              <>
                <Status level="critical" decorative />
                Does not work yet
              </>
            );
          return null;
        };
        return (
          <Dialog
            title={props.node ? `Edit ${props.node.name}` : "Add a node"}
            width={860}
            onClose={props.page.close}
            onSubmit={() => void submit()}
            headExtra={
              <Show when={!props.node}>
                <Segmented
                  label="Kind of server"
                  size="sm"
                  value={t}
                  onChange={setType}
                  options={TYPES.map((value) => ({ value, label: value.toUpperCase() }))}
                />
              </Show>
            }
            aside={
              <div class="dlg-aside">
                <h3>Test result</h3>
                <TestResultView form={form} />
              </div>
            }
            footer={
              <>
                <span class="row muted" style={{ gap: "6px" }}>
                  {verdict()}
                </span>
                <span class="spacer" />
                <Button kind="ghost" onClick={props.page.close}>
                  Cancel
                </Button>
                <Show when={form.fields.auth !== "command"}>
                  <Button
                    icon="refresh"
                    pending={form.test().state === "testing"}
                    onClick={() => void form.runTest()}
                  >
                    {form.test().state === "idle" ? "Test connection" : "Test again"}
                  </Button>
                  <Button kind="primary" type="submit" pending={form.saving()}>
                    {props.node ? "Save" : "Add node"}
                  </Button>
                </Show>
              </>
            }
          >
            <NodeFieldsView form={form} />
          </Dialog>
        );
      }}
    </Show>
  );
}

/** What goes with a server. */
const LEAVES: Record<NodeType, string> = {
  pve: "Its nodes, guests, storages and tasks",
  pbs: "Its datastores and backups",
  pmg: "Its mail figures",
};

function DeleteDialog(props: { page: NodesPage; node: ConfiguredNode }) {
  const [busy, setBusy] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  const go = async () => {
    setBusy(true);
    setFailure(await props.page.remove(props.node));
    setBusy(false);
  };
  return (
    <Dialog
      title={`Remove ${props.node.name}?`}
      onClose={props.page.close}
      onSubmit={() => void go()}
      footer={
        <>
          <span class="spacer" />
          <Button kind="ghost" onClick={props.page.close}>
            Keep it
          </Button>
          <Button kind="danger" type="submit" pending={busy()}>
            Remove {props.node.name}
          </Button>
        </>
      }
    >
      <p class="text-fg-2">
        Pulse stops reading <span class="mono">{props.node.host}</span>
        {props.node.isCluster
          ? ` and its ${plural(props.node.clusterEndpoints?.length ?? 0, "cluster member")}`
          : ""}
        . {LEAVES[props.node.type]} leave the lists, its open alerts close, and the stored credential is
        deleted.
      </p>
      <p class="text-fg-2">
        What was measured stays on this server until its retention time ends. Connect it again under the same
        name before that, and its history is there again.
      </p>
      <p class="text-fg-2">
        Nothing changes on the server itself: the account and token that Pulse used stay there until you
        delete them.
      </p>
      <Show when={failure()}>
        <Note level="critical" role="alert">
          {failure()}
        </Note>
      </Show>
    </Dialog>
  );
}

function DemoDialog(props: { page: NodesPage }) {
  const [busy, setBusy] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  const go = async () => {
    setBusy(true);
    setFailure(await props.page.switchDemo(false));
    setBusy(false);
  };
  return (
    <Dialog
      title="Turn demo data off?"
      onClose={props.page.close}
      onSubmit={() => void go()}
      footer={
        <>
          <span class="spacer" />
          <Button kind="ghost" onClick={props.page.close}>
            Keep it
          </Button>
          <Button kind="danger" type="submit" pending={busy()}>
            Remove demo data
          </Button>
        </>
      }
    >
      <p class="text-fg-2">
        This removes all demo data and its history: the invented nodes, guests, storage and hosts. What you
        connected yourself stays. You can turn it on again; its history then starts anew.
      </p>
      <Show when={failure()}>
        <Note level="critical" role="alert">
          {failure()}
        </Note>
      </Show>
    </Dialog>
  );
}

/** The invented datacenter as one more source, with its switch. */
function DemoSection(props: { page: NodesPage; write: boolean }) {
  const [busy, setBusy] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  const on = () => props.page.demo() === true;
  const turn = async () => {
    if (on()) {
      props.page.setDialog({ kind: "demo-off" });
      return;
    }
    setBusy(true);
    setFailure(await props.page.switchDemo(true));
    setBusy(false);
  };
  return (
    <Show when={props.page.demo() !== undefined}>
      <section class="demo" aria-labelledby="demo-title">
        <div class="ph-text">
          <h2 id="demo-title">
            <Status level={on() ? "ok" : "off"} decorative />
            Demo data is {on() ? "on" : "off"}
          </h2>
          <p>An invented datacenter to look around in. It appears beside what you connect yourself.</p>
          <Show when={failure()}>
            <p role="alert" data-tone="critical">
              {failure()}
            </p>
          </Show>
        </div>
        <Show when={props.write}>
          <Button pending={busy()} onClick={() => void turn()}>
            {on() ? "Turn off…" : "Turn on"}
          </Button>
        </Show>
      </section>
    </Show>
  );
}

function Reads(props: { node: ConfiguredNode }) {
  const list = (): [string, boolean][] => {
    const n = props.node;
    if (n.type === "pve")
      return [
        ["metrics", true],
        ["backups", n.monitorBackups ?? false],
        ["disks", n.monitorPhysicalDisks ?? false],
        ["temperature", n.temperatureMonitoringEnabled ?? true],
      ];
    if (n.type === "pbs")
      return [
        ["metrics", true],
        ["backups", true],
      ];
    return [
      ["mail", n.monitorMailStats ?? true],
      ["queues", n.monitorQueues ?? true],
      ["quarantine", n.monitorQuarantine ?? true],
    ];
  };
  return (
    <span class="caps">
      <For each={list()}>
        {([name, on]) => (
          <span data-off={on ? undefined : ""} title={on ? undefined : "Not read"}>
            {name}
            <Show when={!on}>
              <span class="sr"> (off)</span>
            </Show>
          </span>
        )}
      </For>
    </span>
  );
}

function Actions(props: { page: NodesPage; node: ConfiguredNode; write: boolean }) {
  const test = () => props.page.tests[props.node.id];
  return (
    <span class="row justify-end" style={{ gap: "2px" }}>
      <Show when={props.write}>
        <Button
          size="sm"
          kind="ghost"
          pending={test()?.state === "testing"}
          onClick={() => void props.page.test(props.node)}
          aria-label={`Test ${props.node.name}`}
        >
          Test
        </Button>
        <Button
          size="sm"
          kind="ghost"
          onClick={() => props.page.setDialog({ kind: "edit", node: props.node })}
          aria-label={`Edit ${props.node.name}`}
        >
          Edit
        </Button>
        <Menu
          label={`More for ${props.node.name}`}
          width={200}
          button={(attrs) => (
            <Button size="sm" kind="ghost" icon="dots" label={`More for ${props.node.name}`} {...attrs} />
          )}
        >
          {(close) => (
            <>
              <Show when={props.node.isCluster}>
                <button
                  type="button"
                  class="mi"
                  onClick={() => {
                    close();
                    void props.page.refreshMembers(props.node);
                  }}
                >
                  <Icon name="refresh" small />
                  Look for new members
                </button>
              </Show>
              <button
                type="button"
                class="mi"
                onClick={() => {
                  close();
                  props.page.setDialog({ kind: "delete", node: props.node });
                }}
              >
                <Icon name="trash" small />
                Remove…
              </button>
            </>
          )}
        </Menu>
      </Show>
    </span>
  );
}

function stateOf(page: NodesPage, node: ConfiguredNode) {
  const test = page.tests[node.id];
  const state = nodeState(node);
  if (test?.state === "failed") return { level: "critical" as const, text: test.text };
  if (test) return { level: state.level, text: test.text };
  return state;
}

function Section(props: { page: NodesPage; type: NodeType; nodes: ConfiguredNode[]; write: boolean }) {
  return (
    <>
      <tr class="group">
        <td />
        <td colSpan={6}>
          <strong>{TYPE_NAME[props.type]}</strong>
          {plural(props.nodes.length, "connection")}
        </td>
      </tr>
      <For each={props.nodes}>
        {(node) => {
          const state = () => stateOf(props.page, node);
          return (
            <>
              <tr data-row="config" data-id={node.id}>
                <td>
                  <Status level={state().level} label={state().text} />
                </td>
                <th scope="row" class="trunc">
                  <span class="nm">{node.name}</span>
                  <small>{node.isCluster ? `cluster of ${node.clusterEndpoints?.length ?? 0}` : ""}</small>
                </th>
                <td class="mono trunc" title={node.host}>
                  {node.host}
                </td>
                <td class="mono trunc muted">
                  {node.tokenName || node.user}
                  {node.hasToken || node.hasPassword ? "" : " (no secret)"}
                </td>
                <td>
                  <Reads node={node} />
                </td>
                <td
                  class="trunc"
                  classList={{ muted: state().level === "ok" }}
                  data-tone={state().level === "ok" ? undefined : state().level}
                  title={state().text}
                  aria-live="polite"
                >
                  {state().text}
                </td>
                <td>
                  <Actions page={props.page} node={node} write={props.write} />
                </td>
              </tr>
              <Show when={state().level === "critical" && state().text}>
                {(text) => (
                  <tr class="kid">
                    <td />
                    <td colSpan={6} class="reason">
                      {text()}
                    </td>
                  </tr>
                )}
              </Show>
              <For each={node.clusterEndpoints ?? []}>
                {(member) => (
                  <tr class="kid">
                    <td />
                    <td class="trunc">
                      <span class="row" style={{ gap: "7px" }}>
                        <Status
                          level={member.Online && member.PulseReachable !== false ? "ok" : "critical"}
                          label={member.Online ? "Online" : "Offline"}
                        />
                        <span class="text-fg-2">{member.NodeName}</span>
                      </span>
                    </td>
                    <td colSpan={5} class="trunc">
                      {member.PulseError ||
                        (member.Online
                          ? member.PulseReachable === false
                            ? "online in the cluster, but not reachable from here"
                            : "reachable, used as a fallback"
                          : "offline in the cluster")}
                    </td>
                  </tr>
                )}
              </For>
            </>
          );
        }}
      </For>
    </>
  );
}

function Cards(props: { page: NodesPage; nodes: ConfiguredNode[]; write: boolean }) {
  return (
    <div>
      <For each={props.nodes}>
        {(node) => {
          const state = () => stateOf(props.page, node);
          return (
            <div class="li" style={{ "grid-template-columns": "16px minmax(0, 1fr)" }}>
              <Status level={state().level} label={state().text} />
              <b class="trunc">{node.name}</b>
              <span class="d mono trunc">{node.host}</span>
              <span class="d" data-tone={state().level === "ok" ? undefined : state().level}>
                {state().text}
              </span>
              <span class="d">
                <Actions page={props.page} node={node} write={props.write} />
              </span>
            </div>
          );
        }}
      </For>
    </div>
  );
}

export default function Nodes() {
  const page = createNodesPage();
  const phone = createMedia("(width < 860px)");
  const write = () => mayRead("settings:write");
  const list = () =>
    page.nodes.error ? (page.nodes.state === "errored" ? undefined : page.nodes.latest) : page.nodes.latest;
  const dialogNode = (kind: "edit" | "delete") => {
    const d = page.dialog();
    return d?.kind === kind ? d.node : undefined;
  };
  return (
    <>
      <div class="ph">
        <div class="ph-text">
          <h1>Proxmox</h1>
          <p>
            Virtual Environment, Backup Server and Mail Gateway. A cluster needs one entry; its members are
            found and used as fallbacks.
          </p>
        </div>
        <Show when={write()}>
          {/* While there is none, the empty page leads to the first. */}
          <Show when={(list()?.length ?? 0) > 0}>
            <Button icon="refresh" pending={page.busy()} onClick={() => void page.testAll()}>
              Test all
            </Button>
            <Button kind="primary" icon="plus" onClick={() => page.setDialog({ kind: "add", type: "pve" })}>
              Add node
            </Button>
          </Show>
        </Show>
      </div>
      <div class="scroll flex-1" style={{ "overflow-x": "hidden" }}>
        <Switch>
          <Match when={page.nodes.error}>
            <div class="empty" role="alert">
              <h2>The connections could not be read</h2>
              <p>{errorText(page.nodes.error)}</p>
              <div class="row">
                <Button kind="primary" onClick={() => void page.refetch()}>
                  Try again
                </Button>
              </div>
            </div>
          </Match>
          <Match when={list() === undefined}>
            <div class="p-6 grid gap-4" role="status" aria-label="Loading">
              <For each={[260, 320, 240]}>{(w) => <i class="sk" style={{ width: `${w}px` }} />}</For>
            </div>
          </Match>
          <Match when={list()?.length === 0}>
            <div class="empty">
              <SignalArt />
              <h2>{page.demo() ? "No server of your own yet" : "Nothing is connected"}</h2>
              <p>Add any node of a cluster, a standalone node, a backup server or a mail gateway.</p>
              <Show when={write()}>
                <div class="row">
                  <Button
                    kind="primary"
                    icon="plus"
                    onClick={() => page.setDialog({ kind: "add", type: "pve" })}
                  >
                    Add the first node
                  </Button>
                </div>
              </Show>
            </div>
          </Match>
          <Match when={list()} keyed>
            {(nodes) => (
              <Show when={!phone()} fallback={<Cards page={page} nodes={nodes} write={write()} />}>
                <table class="grid-table sn" aria-label="Connections">
                  <colgroup>
                    <col style={{ width: "44px" }} />
                    <col style={{ "min-width": "120px" }} />
                    <col style={{ width: "20%" }} />
                    <col style={{ width: "15%" }} />
                    <col style={{ width: "236px" }} />
                    <col style={{ width: "19%" }} />
                    <col style={{ width: "158px" }} />
                  </colgroup>
                  <thead>
                    <tr>
                      <th scope="col">
                        <span class="sr">State</span>
                      </th>
                      <th scope="col">Name</th>
                      <th scope="col">Address</th>
                      <th scope="col">Credential</th>
                      <th scope="col">Reads</th>
                      <th scope="col">State</th>
                      <th scope="col">
                        <span class="sr">Actions</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    <For each={TYPES}>
                      {(type) => {
                        const some = () => nodes.filter((node) => node.type === type);
                        return (
                          <Show when={some().length > 0}>
                            <Section page={page} type={type} nodes={some()} write={write()} />
                          </Show>
                        );
                      }}
                    </For>
                  </tbody>
                </table>
              </Show>
            )}
          </Match>
        </Switch>
        <Show when={list()}>
          {(nodes) => (
            <>
              <DiscoverySection
                nodes={nodes()}
                write={write()}
                onAdd={(type, host) => page.setDialog({ kind: "add", type, host })}
              />
              <Show when={write()}>
                <PushSection />
              </Show>
            </>
          )}
        </Show>
        <DemoSection page={page} write={write()} />
      </div>
      <Show when={page.dialog()?.kind === "add"}>
        <NodeDialog
          page={page}
          type={(page.dialog() as { type?: NodeType }).type ?? "pve"}
          host={(page.dialog() as { host?: string }).host ?? ""}
        />
      </Show>
      <Show when={dialogNode("edit")} keyed>
        {(node) => <NodeDialog page={page} node={node} type={node.type} />}
      </Show>
      <Show when={page.dialog()?.kind === "demo-off"}>
        <DemoDialog page={page} />
      </Show>
      <Show when={dialogNode("delete")} keyed>
        {(node) => <DeleteDialog page={page} node={node} />}
      </Show>
    </>
  );
}
