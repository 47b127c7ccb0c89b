import { createResource, createSignal, Show } from "solid-js";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import { Button } from "@/components/Button";
import { TextField } from "@/components/Field";
import { Note } from "@/components/Status";
import { toast } from "@/components/toast";
import { live } from "@/live/live";
import { checkSession, signOut, status, user } from "@/session/session";

export const MIN_PASSWORD = 12;

function PasswordForm() {
  const [current, setCurrent] = createSignal("");
  const [next, setNext] = createSignal("");
  const [error, setError] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const short = () => next() !== "" && next().length < MIN_PASSWORD;
  const save = async (event: Event) => {
    event.preventDefault();
    if (!current() || next().length < MIN_PASSWORD) {
      setError(`Enter the current password and a new one of at least ${MIN_PASSWORD} characters.`);
      return;
    }
    setBusy(true);
    setError("");
    try {
      await api.changePassword(current(), next());
      setCurrent("");
      setNext("");
      toast({ level: "ok", title: "Password changed", detail: "Other sessions are signed out." });
      // The server may end this session too; then the login appears.
      await checkSession();
    } catch (e) {
      setError(errorText(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="grid gap-3" onSubmit={(event) => void save(event)} novalidate>
      <h2 class="text-md">Change the password</h2>
      <input
        class="sr"
        type="text"
        name="username"
        autocomplete="username"
        value={user()}
        readonly
        tabindex={-1}
        aria-hidden="true"
      />
      <TextField
        label="Current password"
        type="password"
        value={current()}
        onInput={setCurrent}
        autocomplete="current-password"
      />
      <TextField
        label="New password"
        type="password"
        value={next()}
        onInput={setNext}
        autocomplete="new-password"
        error={short() ? `${next().length} of at least ${MIN_PASSWORD} characters` : ""}
        help={`At least ${MIN_PASSWORD} characters.`}
      />
      <Show when={error()}>
        <Note level="critical" role="alert">
          {error()}
        </Note>
      </Show>
      <div>
        <Button type="submit" kind="primary" pending={busy()}>
          Change password
        </Button>
      </div>
    </form>
  );
}

export default function Session() {
  const [version] = createResource(() => api.version().catch(() => undefined));
  const local = () => Boolean(status()?.authUsername);
  const leave = async () => {
    try {
      await signOut();
    } catch (error) {
      toast({ level: "critical", title: "Signing out did not work", detail: errorText(error) });
    }
  };
  return (
    <>
      <div class="ph">
        <div>
          <h1>Session</h1>
          <p>Who is signed in here, and with what.</p>
        </div>
      </div>
      <div class="scroll flex-1">
        <div class="form-rows">
          <dl class="facts">
            <div style={{ "grid-template-columns": "140px 1fr" }}>
              <dt>Signed in as</dt>
              <dd>
                {user() ||
                  (status()?.tokenScopes ? "an API token" : "nobody; this server asks for no sign-in")}
              </dd>
            </div>
            <div style={{ "grid-template-columns": "140px 1fr" }}>
              <dt>Way in</dt>
              <dd>
                {status()?.proxyAuthUsername
                  ? "the proxy in front of Pulse"
                  : status()?.oidcUsername
                    ? "single sign-on"
                    : local()
                      ? "user name and password"
                      : "—"}
              </dd>
            </div>
            <div style={{ "grid-template-columns": "140px 1fr" }}>
              <dt>Server</dt>
              <dd>{version()?.version ?? (live.serverVersion() || "—")}</dd>
            </div>
          </dl>
          <Show when={user()}>
            <div>
              <Button icon="out" onClick={() => void leave()}>
                Log out
              </Button>
            </div>
          </Show>
          <Show when={local()}>
            <PasswordForm />
          </Show>
        </div>
      </div>
    </>
  );
}
