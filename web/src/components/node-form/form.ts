/** The node form's state: what is typed, what the test said, what is sent. No markup. */
import { createSignal } from "solid-js";
import { createStore } from "solid-js/store";
import * as api from "@/api/api";
import { errorText } from "@/api/client";
import type { ConfiguredNode, NodeInput, NodeType, TestResult } from "@/api/types";

export type Auth = "command" | "token" | "password";

export interface NodeFields {
  type: NodeType;
  auth: Auth;
  host: string;
  name: string;
  guestURL: string;
  tokenName: string;
  tokenValue: string;
  user: string;
  password: string;
  fingerprint: string;
  verifySSL: boolean;
  temperatures: boolean;
  disks: boolean;
  backups: boolean;
  mailStats: boolean;
  queues: boolean;
  quarantine: boolean;
  domains: boolean;
}

export type TestState =
  | { state: "idle" }
  | { state: "testing" }
  | { state: "ok"; result: TestResult; seconds: number }
  | { state: "refused"; message: string; offered: string };

export const TYPE_NAME: Record<NodeType, string> = {
  pve: "Virtual Environment",
  pbs: "Backup Server",
  pmg: "Mail Gateway",
};
export const PORT: Record<NodeType, number> = { pve: 8006, pbs: 8007, pmg: 8006 };

function nameFrom(host: string): string {
  return (
    host
      .replace(/^https?:\/\//, "")
      .split(/[:/]/)[0]
      ?.replace(/\..*$/, "") ?? ""
  );
}

/** A SHA-256 fingerprint inside a sentence of the server. */
const FINGERPRINT = /(?:[0-9A-F]{2}:){5,31}[0-9A-F]{2}/i;

export function createNodeForm(existing?: ConfiguredNode, type: NodeType = "pve", host = "") {
  const [fields, setFields] = createStore<NodeFields>({
    type: existing?.type ?? type,
    auth: existing ? (existing.hasToken ? "token" : "password") : type === "pmg" ? "password" : "token",
    host: existing?.host ?? host,
    name: existing?.name ?? nameFrom(host),
    guestURL: existing?.guestURL ?? "",
    tokenName: existing?.tokenName ?? "",
    tokenValue: "",
    user: existing?.user ?? "",
    password: "",
    fingerprint: existing?.fingerprint ?? "",
    verifySSL: existing?.verifySSL ?? true,
    temperatures: existing?.temperatureMonitoringEnabled ?? true,
    disks: existing?.monitorPhysicalDisks ?? false,
    backups: existing?.monitorBackups ?? true,
    mailStats: existing?.monitorMailStats ?? true,
    queues: existing?.monitorQueues ?? true,
    quarantine: existing?.monitorQuarantine ?? true,
    domains: existing?.monitorDomainStats ?? false,
  });
  const [errors, setErrors] = createStore<Partial<Record<keyof NodeFields, string>>>({});
  const [test, setTest] = createSignal<TestState>({ state: "idle" });
  const [saving, setSaving] = createSignal(false);
  const [failure, setFailure] = createSignal("");
  let nameTouched = Boolean(existing);
  let running: AbortController | undefined;

  const secretKept = () =>
    existing !== undefined &&
    ((fields.auth === "token" && existing.hasToken && fields.tokenValue === "") ||
      (fields.auth === "password" && existing.hasPassword && fields.password === ""));

  const set = <K extends keyof NodeFields>(key: K, value: NodeFields[K]) => {
    setFields(key as "name", value as string);
    setErrors(key, undefined as never);
    setFailure("");
    if (key === "name") nameTouched = true;
    if (key === "host" && !nameTouched) setFields("name", nameFrom(String(value)));
    if (key === "type" && value === "pmg") setFields("auth", "password");
    if (key !== "name" && key !== "guestURL") {
      running?.abort();
      setTest({ state: "idle" });
    }
  };

  const validate = (): boolean => {
    const found: Partial<Record<keyof NodeFields, string>> = {};
    const host = fields.host.trim();
    if (!host) found.host = "The address is missing.";
    else if (/\s/.test(host)) found.host = "An address has no spaces.";
    if (!fields.name.trim()) found.name = "The name is missing.";
    if (fields.guestURL && !/^https?:\/\//.test(fields.guestURL))
      found.guestURL = "Begins with http:// or https://.";
    if (fields.auth === "token") {
      if (!/^[^@\s]+@[^!\s]+![^\s]+$/.test(fields.tokenName))
        found.tokenName = "The form is user@realm!token.";
      if (!fields.tokenValue && !secretKept()) found.tokenValue = "The secret is missing.";
    } else {
      if (!/^[^@\s]+@\S+$/.test(fields.user)) found.user = "With its realm, such as root@pam.";
      if (!fields.password && !secretKept()) found.password = "The password is missing.";
    }
    setErrors({
      host: undefined as never,
      name: undefined as never,
      guestURL: undefined as never,
      tokenName: undefined as never,
      tokenValue: undefined as never,
      user: undefined as never,
      password: undefined as never,
    });
    setErrors(found);
    return Object.keys(found).length === 0;
  };

  const input = (): NodeInput => ({
    type: fields.type,
    name: fields.name.trim(),
    host: fields.host.trim(),
    guestURL: fields.guestURL.trim(),
    fingerprint: fields.fingerprint.trim(),
    verifySSL: fields.verifySSL,
    ...(fields.auth === "token"
      ? {
          tokenName: fields.tokenName.trim(),
          ...(fields.tokenValue ? { tokenValue: fields.tokenValue } : {}),
        }
      : { user: fields.user.trim(), ...(fields.password ? { password: fields.password } : {}) }),
    ...(fields.type === "pve"
      ? {
          temperatureMonitoringEnabled: fields.temperatures,
          monitorPhysicalDisks: fields.disks,
          monitorBackups: fields.backups,
        }
      : {}),
    ...(fields.type === "pmg"
      ? {
          monitorMailStats: fields.mailStats,
          monitorQueues: fields.queues,
          monitorQuarantine: fields.quarantine,
          monitorDomainStats: fields.domains,
        }
      : {}),
  });

  const runTest = async (): Promise<void> => {
    if (!validate()) return;
    running?.abort();
    const mine = new AbortController();
    running = mine;
    setTest({ state: "testing" });
    const began = performance.now();
    try {
      const result =
        existing && secretKept() && fields.host === existing.host
          ? await api.testNode(existing.id)
          : await api.testConnection(input(), mine.signal);
      if (mine.signal.aborted) return;
      setTest({ state: "ok", result, seconds: (performance.now() - began) / 1000 });
    } catch (error) {
      if (mine.signal.aborted) return;
      const message = errorText(error);
      setTest({ state: "refused", message, offered: FINGERPRINT.exec(message)?.[0] ?? "" });
    }
  };

  /** True when it was saved. */
  const save = async (): Promise<boolean> => {
    if (!validate()) return false;
    setSaving(true);
    setFailure("");
    try {
      if (existing) await api.updateNode(existing.id, input());
      else await api.addNode(input());
      return true;
    } catch (error) {
      setFailure(errorText(error));
      return false;
    } finally {
      setSaving(false);
    }
  };

  return { existing, fields, set, errors, test, runTest, save, saving, failure, secretKept };
}
export type NodeForm = ReturnType<typeof createNodeForm>;
