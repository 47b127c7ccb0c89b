/** The command that installs the agent: its token is made for one purpose and shown once. */
import { createSignal, Match, Show, Switch } from "solid-js";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import { Button } from "@/components/Button";
import { Code } from "@/components/Copy";
import { Check, TextField } from "@/components/Field";
import { Note } from "@/components/Status";
import { status } from "@/session/session";

export const AGENT_SCOPES = ["host-agent:report"];

/** `-k` and --insecure trust any certificate: only when asked for. */
export function installCommand(url: string, token: string, insecure: boolean) {
  const flags = [`--url ${url}`, `--token ${token}`];
  if (insecure) flags.push("--insecure");
  return `curl -fsSL${insecure ? "k" : ""} ${url}/install.sh | sh -s -- ${flags.join(" ")}`;
}

export default function InstallAgent(props: { onToken?: () => void }) {
  const [url, setUrl] = createSignal(status()?.agentUrl || location.origin);
  const [insecure, setInsecure] = createSignal(false);
  const [token, setToken] = createSignal("");
  const [error, setError] = createSignal("");
  const [busy, setBusy] = createSignal(false);

  const make = async () => {
    setBusy(true);
    setError("");
    try {
      const stamp = new Date().toISOString().slice(0, 16).replace("T", " ");
      const created = await api.createToken(`Agent ${stamp}`, AGENT_SCOPES);
      setToken(created.token);
      props.onToken?.();
    } catch (e) {
      setError(errorText(e));
    } finally {
      setBusy(false);
    }
  };
  const address = () => url().replace(/\/+$/, "");

  return (
    <div class="grid gap-3">
      <TextField
        label="Address of Pulse as the machine sees it"
        type="url"
        value={url()}
        onInput={setUrl}
        mono
        error={/^https?:\/\/[^\s]+$/.test(url()) ? "" : "An address begins with http:// or https://."}
      />
      <div class="flex flex-wrap gap-x-5">
        <Check checked={insecure()} onChange={setInsecure}>
          Accept any certificate
        </Check>
      </div>
      <Switch>
        <Match when={token() === ""}>
          <div class="grid gap-2 justify-items-start">
            <Show when={error()}>
              <Note level="critical" role="alert">
                {error()}
              </Note>
            </Show>
            <Button kind="primary" icon="key" pending={busy()} onClick={() => void make()}>
              Make the command
            </Button>
            <span class="help">
              Creates a token that can report and nothing else. It is shown once, in the command.
            </span>
          </div>
        </Match>
        <Match when={token()}>
          <div class="field">
            <span class="label">Run as root on the Linux machine</span>
            <Code text={installCommand(address(), token(), insecure())} />
            <span class="help">
              The command contains the token. Options change it here; the token stays the same. Revoke it in
              Settings → API tokens.
            </span>
          </div>
        </Match>
      </Switch>
    </div>
  );
}
