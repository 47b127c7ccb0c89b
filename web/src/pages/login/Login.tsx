/** The sign-in form stands in place of the application; the URL stays, so the deep link is kept. */
import { createSignal, Show } from "solid-js";
import { ApiError, errorText } from "@/api/client";
import { Button, ButtonLink } from "@/components/Button";
import { Check, TextField } from "@/components/Field";
import { Logo } from "@/components/Icon";
import { Note } from "@/components/Status";
import { plural } from "@/format/format";
import { notice, signIn, status } from "@/session/session";

const OIDC_REASONS: Record<string, string> = {
  invalid_state: "The sign-in took too long or was started in another window. Try again.",
  exchange_failed: "The identity provider refused to confirm the sign-in.",
  session_failed: "The session could not be opened.",
  access_denied: "The identity provider denied access.",
  email_restricted: "This e-mail address is not allowed to sign in.",
  domain_restricted: "E-mail addresses of this domain are not allowed to sign in.",
  group_restricted: "None of your groups is allowed to sign in.",
};

function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return errorText(error);
  const { body } = error;
  if (error.status === 403 && (error.code === "account_locked" || body.lockedUntil)) {
    const minutes = typeof body.remainingMinutes === "number" ? body.remainingMinutes : undefined;
    return `Too many attempts. Signing in is locked${minutes ? ` for ${plural(minutes, "more minute", "more minutes")}` : ""}.`;
  }
  if (error.status === 429) return "Too many attempts from this address. Wait a minute, then try again.";
  if (error.status === 401) {
    if (body.locked === true)
      return `User name or password is wrong, and that was the last attempt. Signing in is locked for ${typeof body.lockoutDuration === "string" ? body.lockoutDuration : "a while"}.`;
    const left = typeof body.remaining === "number" ? body.remaining : undefined;
    return `User name or password is wrong.${left === undefined ? "" : ` ${plural(left, "attempt")} left.`}`;
  }
  return errorText(error);
}

export default function Login() {
  const query = new URLSearchParams(location.search);
  const oidcError = query.get("oidc") === "error" ? (query.get("oidc_error") ?? "") : "";
  const [user, setUser] = createSignal("");
  const [password, setPassword] = createSignal("");
  const [remember, setRemember] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [error, setError] = createSignal(
    oidcError ? (OIDC_REASONS[oidcError] ?? `Single sign-on failed: ${oidcError.replaceAll("_", " ")}.`) : "",
  );
  let form: HTMLFormElement | undefined;
  let passwordInput: HTMLInputElement | undefined;
  const local = () => !status()?.hideLocalLogin || query.get("show_local") === "true";

  const submit = async (event: Event) => {
    event.preventDefault();
    // Password managers may fill the fields without an input event: the form is the truth.
    const data = new FormData(form);
    const name = String(data.get("username") ?? user());
    const secret = String(data.get("password") ?? password());
    if (!name || !secret) {
      setError("Enter the user name and the password.");
      return;
    }
    setBusy(true);
    setError("");
    try {
      await signIn(name, secret, remember());
    } catch (e) {
      setError(explain(e));
      setPassword("");
      queueMicrotask(() => passwordInput?.focus());
    } finally {
      setBusy(false);
    }
  };

  return (
    <main class="login">
      <form ref={form} onSubmit={(event) => void submit(event)} aria-label="Sign in" novalidate>
        <h1 class="brand">
          <Logo />
          Pulse
        </h1>
        <Show when={notice() && !error()}>
          <Note level="notice" role="status">
            {notice()}
          </Note>
        </Show>
        <Show when={error()}>
          <Note level="critical" role="alert">
            {error()}
          </Note>
        </Show>
        <Show when={local()}>
          <TextField
            label="User name"
            name="username"
            value={user()}
            onInput={setUser}
            autocomplete="username"
            large
            autofocus
          />
          <TextField
            label="Password"
            name="password"
            type="password"
            value={password()}
            onInput={setPassword}
            autocomplete="current-password"
            large
            inputRef={(el) => (passwordInput = el)}
          />
          <Check checked={remember()} onChange={setRemember}>
            Stay signed in on this device
          </Check>
          <Button kind="primary" size="lg" type="submit" pending={busy()}>
            {busy() ? "Signing in" : "Sign in"}
          </Button>
        </Show>
        <Show when={status()?.oidcEnabled}>
          <ButtonLink
            size="lg"
            icon="key"
            href={`/api/oidc/login?returnTo=${encodeURIComponent(location.pathname + location.search)}`}
          >
            Sign in with single sign-on
          </ButtonLink>
        </Show>
      </form>
    </main>
  );
}
