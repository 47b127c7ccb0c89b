/** Who is signed in, and what the whole window shows: set-up, login or the application. */
import { createSignal } from "solid-js";
import * as api from "@/api/api";
import { errorText, whenSignedOut } from "@/api/client";
import type { SecurityStatus } from "@/api/types";
import { live } from "@/live/live";

export type Gate = "loading" | "setup" | "login" | "in" | "unreachable";

const [gate, setGate] = createSignal<Gate>("loading");
const [status, setStatus] = createSignal<SecurityStatus>();
const [reason, setReason] = createSignal("");
/** Why the login is shown, when it is not the first visit. */
const [notice, setNotice] = createSignal("");

export { gate, notice, reason, status };

function signedInAs(s: SecurityStatus): string {
  return s.authUsername || s.oidcUsername || s.proxyAuthUsername || "";
}

export const user = () => {
  const s = status();
  return s ? signedInAs(s) : "";
};

/** Tokens with scopes (wall displays) may lack the right to change settings; people always have it. */
export const mayRead = (scope: string) => {
  const scopes = status()?.tokenScopes;
  return !scopes || scopes.includes("*") || scopes.includes(scope);
};

export async function checkSession(): Promise<void> {
  try {
    const s = await api.securityStatus();
    setStatus(s);
    if (!s.hasAuthentication && !s.requiresAuth) setGate(s.bootstrapTokenPath === undefined ? "in" : "setup");
    else if (signedInAs(s) !== "" || s.tokenScopes !== undefined) setGate("in");
    else setGate("login");
  } catch (error) {
    setReason(errorText(error));
    setGate("unreachable");
    return;
  }
  if (gate() === "in") {
    setNotice("");
    live.start(sessionEnded);
  }
}

function sessionEnded() {
  if (gate() !== "in") return;
  live.stop();
  setNotice("Your session has ended. Sign in to go on where you were.");
  setGate("login");
}
whenSignedOut(sessionEnded);

export async function signIn(username: string, password: string, remember: boolean): Promise<void> {
  await api.login(username, password, remember);
  await checkSession();
}

/** The wizard ends here: the account exists and its session is open. */
export const enter = () => checkSession();

export async function signOut(): Promise<void> {
  const s = status();
  await api.logout();
  live.stop();
  const elsewhere = s?.proxyAuthLogoutURL || (s?.oidcUsername ? s.oidcLogoutURL : "");
  if (elsewhere) {
    location.assign(elsewhere);
    return;
  }
  setNotice("You are signed out.");
  await checkSession();
}
