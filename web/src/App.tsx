import { Navigate, Route, Router } from "@solidjs/router";
import { ErrorBoundary, lazy, Match, onMount, Show, Suspense, Switch } from "solid-js";
import { errorText } from "./api/client";
import { Button } from "./components/Button";
import { ShortcutHelp } from "./components/Shortcuts";
import { Toasts } from "./components/toast";
import ProxmoxLayout from "./shell/Proxmox";
import { Shell } from "./shell/Shell";
import { checkSession, gate, reason } from "./session/session";

const Overview = lazy(() => import("./pages/overview/Overview"));
const Hosts = lazy(() => import("./pages/hosts/Hosts"));
const Storage = lazy(() => import("./pages/storage/Storage"));
const Cluster = lazy(() => import("./pages/cluster/Cluster"));
const Tasks = lazy(() => import("./pages/tasks/Tasks"));
const Replication = lazy(() => import("./pages/replication/Replication"));
const Ceph = lazy(() => import("./pages/ceph/Ceph"));
const Coverage = lazy(() => import("./pages/backups/Coverage"));
const AllBackups = lazy(() => import("./pages/backups/All"));
const Mail = lazy(() => import("./pages/mail/Mail"));
const Login = lazy(() => import("./pages/login/Login"));
const Wizard = lazy(() => import("./pages/wizard/Wizard"));
const Settings = lazy(() => import("./pages/settings/Settings"));
const SettingsNodes = lazy(() => import("./pages/settings/nodes/Nodes"));
const SettingsTokens = lazy(() => import("./pages/settings/tokens/Tokens"));
const SettingsAppearance = lazy(() => import("./pages/settings/appearance/Appearance"));
const SettingsSession = lazy(() => import("./pages/settings/session/Session"));
const SettingsSystem = lazy(() => import("./pages/settings/system/System"));
const SettingsDiagnostics = lazy(() => import("./pages/settings/diagnostics/Diagnostics"));
const NotFound = lazy(() => import("./pages/NotFound"));

/** Keeps the query: a link to a filtered list survives the move. */
function To(props: { path: string }) {
  return <Navigate href={({ location }) => props.path + location.search} />;
}

function Failed(props: { error: unknown; reset: () => void }) {
  return (
    <div class="empty" role="alert">
      <h2>This page stopped</h2>
      <p>{errorText(props.error)}</p>
      <div class="row">
        <Button kind="primary" onClick={props.reset}>
          Show it again
        </Button>
        <Button onClick={() => location.reload()}>Reload Pulse</Button>
      </div>
    </div>
  );
}

export function App() {
  onMount(() => void checkSession());
  return (
    <>
      <ErrorBoundary fallback={(error, reset) => <Failed error={error} reset={reset} />}>
        <Suspense>
          <Switch>
            <Match when={gate() === "unreachable"}>
              <div class="empty h-full" role="alert">
                <h2>Pulse does not answer</h2>
                <p>{reason()}</p>
                <div class="row">
                  <Button kind="primary" onClick={() => void checkSession()}>
                    Try again
                  </Button>
                </div>
              </div>
            </Match>
            <Match when={gate() === "setup"}>
              <Wizard />
            </Match>
            <Match when={gate() === "login"}>
              <Login />
            </Match>
            <Match when={gate() === "in"}>
              <Router
                root={(props) => (
                  <Shell>
                    <ErrorBoundary fallback={(error, reset) => <Failed error={error} reset={reset} />}>
                      <Suspense>{props.children}</Suspense>
                    </ErrorBoundary>
                  </Shell>
                )}
              >
                <Route path="/" component={() => <To path="/proxmox/overview" />} />
                <Route path="/storage" component={() => <To path="/proxmox/storage" />} />
                <Route path="/backups" component={() => <To path="/proxmox/backups" />} />
                <Route path="/diagnostics" component={() => <To path="/settings/diagnostics" />} />
                <Route path="/proxmox" component={ProxmoxLayout}>
                  <Route path="/" component={() => <To path="/proxmox/overview" />} />
                  <Route path={["/overview", "/guests"]} component={Overview} />
                  <Route path={["/storage", "/storage/disks", "/storage/zfs"]} component={Storage} />
                  <Route path={["/cluster", "/cluster/ha"]} component={Cluster} />
                  <Route path="/backups" component={Coverage} />
                  <Route path="/backups/all" component={AllBackups} />
                  <Route path="/mail" component={Mail} />
                  <Route path="/tasks" component={Tasks} />
                  <Route path="/replication" component={Replication} />
                  <Route path={["/ceph", "/ceph/pools"]} component={Ceph} />
                </Route>
                <Route path="/servers" component={() => <To path="/hosts" />} />
                <Route path="/hosts" component={Hosts} />
                <Route path="/settings" component={Settings}>
                  <Route path="/" component={() => <To path="/settings/proxmox" />} />
                  <Route path="/proxmox" component={SettingsNodes} />
                  <Route path="/tokens" component={SettingsTokens} />
                  <Route path="/system" component={SettingsSystem} />
                  <Route path="/diagnostics" component={SettingsDiagnostics} />
                  <Route path="/appearance" component={SettingsAppearance} />
                  <Route path="/session" component={SettingsSession} />
                </Route>
                <Route path="*" component={NotFound} />
              </Router>
            </Match>
          </Switch>
        </Suspense>
      </ErrorBoundary>
      <Toasts />
      <Show when={gate() === "in"}>
        <ShortcutHelp />
      </Show>
    </>
  );
}
