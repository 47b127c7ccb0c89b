/** One function per endpoint the UI uses. */
import { request } from "./client";
import type {
  ApiToken,
  Charts,
  ConfiguredNode,
  GuestMetadata,
  History,
  NodeInput,
  SecurityStatus,
  TestResult,
  Version,
} from "./types";

const enc = encodeURIComponent;

export const securityStatus = () => request<SecurityStatus>("/api/security/status", { anonymous: true });
export const version = () => request<Version>("/api/version");

export const login = (username: string, password: string, rememberMe: boolean) =>
  request<void>("/api/login", {
    method: "POST",
    body: { username, password, rememberMe },
    anonymous: true,
  });
export const logout = () => request<void>("/api/logout", { method: "POST", anonymous: true });

export const validateBootstrapToken = (token: string) =>
  request<void>("/api/security/validate-bootstrap-token", {
    method: "POST",
    body: { token },
    anonymous: true,
  });

export const quickSetup = (setupToken: string, username: string, password: string) =>
  request<void>("/api/security/quick-setup", {
    method: "POST",
    headers: { "X-Setup-Token": setupToken },
    body: { username, password, setupToken },
    anonymous: true,
  });

export const changePassword = (currentPassword: string, newPassword: string) =>
  request<void>("/api/security/change-password", {
    method: "POST",
    body: { currentPassword, newPassword },
    anonymous: true,
  });

export const setMockMode = (enabled: boolean) =>
  request<void>("/api/system/mock-mode", { method: "POST", body: { enabled } });
export const mockMode = () => request<{ enabled: boolean }>("/api/system/mock-mode");

export const configuredNodes = () => request<ConfiguredNode[]>("/api/config/nodes");
export const addNode = (node: NodeInput) =>
  request<{ merged?: boolean; message?: string } | undefined>("/api/config/nodes", {
    method: "POST",
    body: node,
  });
export const updateNode = (id: string, node: Partial<NodeInput>) =>
  request<void>(`/api/config/nodes/${enc(id)}`, { method: "PUT", body: node });
export const deleteNode = (id: string) => request<void>(`/api/config/nodes/${enc(id)}`, { method: "DELETE" });
export const testConnection = (node: NodeInput, signal?: AbortSignal) =>
  request<TestResult>("/api/config/nodes/test-connection", {
    method: "POST",
    body: node,
    ...(signal ? { signal } : {}),
  });
export const testNode = (id: string) =>
  request<TestResult>(`/api/config/nodes/${enc(id)}/test`, { method: "POST" });
export const refreshCluster = (id: string) =>
  request<{ newNodeCount: number; nodesAdded: number }>(`/api/config/nodes/${enc(id)}/refresh-cluster`, {
    method: "POST",
  });

export interface SetupCommand {
  command: string;
  expires: number;
  setupToken?: string;
}
export const setupCommand = (type: string, host: string) =>
  request<SetupCommand>("/api/setup-script-url", { method: "POST", body: { type, host, backupPerms: true } });

export const tokens = () => request<{ tokens: ApiToken[] }>("/api/security/tokens");
export const createToken = (name: string, scopes: string[], expiresAt?: string) =>
  request<{ token: string; record: ApiToken }>("/api/security/tokens", {
    method: "POST",
    body: { name, scopes, ...(expiresAt ? { expiresAt } : {}) },
  });
export const revokeToken = (id: string) =>
  request<void>(`/api/security/tokens/${enc(id)}`, { method: "DELETE" });

export const history = (resourceType: string, resourceId: string, range: string, signal?: AbortSignal) =>
  request<History>(
    `/api/metrics-store/history?resourceType=${enc(resourceType)}&resourceId=${enc(resourceId)}&range=${range}`,
    signal ? { signal } : {},
  );

/** `ids`, `points` and `metrics` narrow the answer; a server that ignores them sends everything, which is fine. */
export const charts = (range: string, ids: string[]) =>
  request<Charts>(
    `/api/charts?range=${range}&points=56&metrics=cpu,memory,disk,usage&ids=${enc(ids.join(","))}`,
  );

export const guestMetadata = (id: string) => request<GuestMetadata>(`/api/guests/metadata/${enc(id)}`);
export const saveGuestMetadata = (id: string, data: Omit<GuestMetadata, "id">) =>
  request<GuestMetadata>(`/api/guests/metadata/${enc(id)}`, { method: "PUT", body: data });
