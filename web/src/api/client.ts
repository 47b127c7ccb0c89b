/**
 * The only way to the HTTP API: adds the CSRF token, repeats once after a stale one or a 429, reads every form
 * of error body, and tells the application when the session is gone.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: Record<string, unknown>;

  constructor(status: number, message: string, body: Record<string, unknown> = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
    this.code = typeof body.code === "string" ? body.code : typeof body.error === "string" ? body.error : "";
  }
}

/** Nothing answered: the server is away or the network is. Not the same as an error of the server. */
export class OfflineError extends Error {
  constructor() {
    super("Pulse does not answer. Check the network or whether the server runs.");
    this.name = "OfflineError";
  }
}

let onSignedOut: () => void = () => {};
export function whenSignedOut(handler: () => void) {
  onSignedOut = handler;
}

/** One token, for links that carry `?token=` (wall displays). It lives as long as this page. */
const linkToken = new URLSearchParams(location.search).get("token") ?? "";
export const linkTokenQuery = linkToken ? `?token=${encodeURIComponent(linkToken)}` : "";

let csrf = "";
function csrfToken(): string {
  const cookie = /(?:^|;\s*)pulse_csrf=([^;]+)/.exec(document.cookie)?.[1];
  return cookie ? decodeURIComponent(cookie) : csrf;
}

const sentences: Record<string, string> = {
  missing_scope: "This token lacks the right to do that",
  license_required: "This needs a licence",
  authentication_required: "Please sign in again",
};

async function toError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) {
      const body = parsed as Record<string, unknown>;
      const raw = [body.message, body.error].find((v): v is string => typeof v === "string" && v !== "");
      const scope = typeof body.requiredScope === "string" ? ` (${body.requiredScope})` : "";
      const message = raw ? (sentences[raw] ?? raw) + scope : `The server answered ${response.status}.`;
      return new ApiError(response.status, message, body);
    }
  } catch {
    // Plain text is a form of error body too.
  }
  const plain = text.trim();
  const readable = plain !== "" && plain.length < 400 && !plain.includes("<");
  return new ApiError(response.status, readable ? plain : `The server answered ${response.status}.`);
}

export interface RequestOptions {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** The caller deals with 401 itself (login, set-up). */
  anonymous?: boolean;
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function send(path: string, options: RequestOptions): Promise<Response> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (linkToken) headers["X-API-Token"] = linkToken;
  if (method !== "GET" && method !== "HEAD") {
    // Any GET hands out the cookie when it is missing.
    if (!csrfToken() && !options.anonymous)
      await fetch("/api/health", { credentials: "same-origin" }).catch(() => {});
    const token = csrfToken();
    if (token) headers["X-CSRF-Token"] = token;
  }
  try {
    return await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new OfflineError();
  }
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  let response = await send(path, options);
  const fresh = response.headers.get("X-CSRF-Token");
  if (fresh) csrf = fresh;

  if (response.status === 403 && fresh && options.method && options.method !== "GET") {
    response = await send(path, options);
  } else if (response.status === 429 && !options.anonymous) {
    const after = Number(response.headers.get("Retry-After") ?? "2");
    if (after <= 10) {
      await pause(Math.max(1, after) * 1000);
      response = await send(path, options);
    }
  }
  if (response.status === 401 && !options.anonymous) onSignedOut();
  if (!response.ok) throw await toError(response);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(response.status, "The answer could not be read. Is a proxy in between?");
  }
}

/** The sentence to show for anything that was thrown. */
export function errorText(error: unknown): string {
  if (error instanceof Error && error.message) return error.message;
  return "It did not work, and no reason was given.";
}
