/** System settings, discovery, push set-up, diagnostics and the scheduler's health. */
import { request } from "./client";
import type { NodeType } from "./types";

export interface DiscoveryConfig {
  environment_override?: string;
  subnet_allowlist?: string[];
  subnet_blocklist?: string[];
  max_hosts_per_scan?: number;
  max_concurrent?: number;
  scan_gateways?: boolean;
  enable_reverse_dns?: boolean;
}

/** As the server sends them; keys that are not set are absent. */
export interface SystemSettings {
  pvePollingInterval?: number;
  pbsPollingInterval?: number;
  pmgPollingInterval?: number;
  backupPollingEnabled?: boolean;
  backupPollingInterval?: number;
  adaptivePollingEnabled?: boolean;
  adaptivePollingMinInterval?: number;
  adaptivePollingMaxInterval?: number;
  connectionTimeout?: number;
  allowedOrigins?: string;
  allowEmbedding?: boolean;
  allowedEmbedOrigins?: string;
  webhookAllowedPrivateCIDRs?: string;
  publicURL?: string;
  logLevel?: string;
  hideLocalLogin?: boolean;
  discoveryEnabled?: boolean;
  discoverySubnet?: string;
  discoveryConfig?: DiscoveryConfig;
  metricsRetentionRawHours?: number;
  metricsRetentionMinuteHours?: number;
  metricsRetentionHourlyDays?: number;
  metricsRetentionDailyDays?: number;
  temperatureMonitoringEnabled?: boolean;
  /** Settings that an environment variable holds: setting or variable → true or the variable. */
  envOverrides?: Record<string, boolean | string>;
  [key: string]: unknown;
}

export const systemSettings = (signal?: AbortSignal) =>
  request<SystemSettings>("/api/system/settings", signal ? { signal } : {});
/** Only what changed; the rest stays as it is. */
export const saveSystemSettings = (changes: Partial<SystemSettings>) =>
  request<void>("/api/system/settings/update", { method: "POST", body: changes });

export interface DiscoveredServer {
  ip: string;
  port: number;
  type: NodeType;
  version?: string;
  release?: string;
  hostname?: string;
}
export interface Discovery {
  servers?: DiscoveredServer[] | null;
  errors?: string[] | null;
  cached?: boolean;
  scanning?: boolean;
  /** Unix seconds of the last scan; 0 is never. */
  updated?: number;
  age?: number;
}
export const discovery = (signal?: AbortSignal) =>
  request<Discovery>("/api/discover", signal ? { signal } : {});
export const discover = (subnet: string) =>
  request<Discovery>("/api/discover", { method: "POST", body: { subnet, use_cache: false } });

export interface PollHealth {
  key: string;
  type: string;
  displayName: string;
  instance: string;
  connection?: string;
  pollStatus: {
    lastSuccess?: string | null;
    lastError?: { at: string; message: string; category: string } | null;
    consecutiveFailures: number;
    firstFailureAt?: string | null;
  };
  breaker: { state: string; since?: string; retryAt?: string | null; failureCount: number };
  deadLetter: {
    present: boolean;
    reason?: string;
    firstAttempt?: string;
    retryCount?: number;
    nextRetry?: string;
  };
  lastDurationMs?: number;
  inFlight?: boolean;
  nextRun?: string | null;
  intervalMs?: number;
  requestsPer10s?: number;
}
export interface SchedulerHealth {
  updatedAt: string;
  enabled?: boolean;
  queue?: { depth: number; dueWithinSeconds?: number };
  deadLetter?: { count: number };
  instances?: PollHealth[] | null;
}
export const schedulerHealth = (signal?: AbortSignal) =>
  request<SchedulerHealth>("/api/monitoring/scheduler/health", signal ? { signal } : {});

/** Secrets are redacted by the server. The parts that are shown are named; the export keeps everything. */
export interface Diagnostics {
  version?: string;
  uptime?: number;
  system?: { os?: string; arch?: string; numCPU?: number; memoryMB?: number };
  apiTokens?: { tokenCount?: number; unusedTokenCount?: number; notes?: string[] };
  errors?: string[] | null;
  memorySources?: unknown;
  nodeSnapshots?: unknown[] | null;
  guestSnapshots?: unknown[] | null;
  [key: string]: unknown;
}
export const diagnostics = (signal?: AbortSignal) =>
  request<Diagnostics>("/api/diagnostics", signal ? { signal } : {});

/** The lines to paste are whatever the server says: sections of commands or fields. */
export const pushSetup = (signal?: AbortSignal) =>
  request<unknown>("/api/push/setup", signal ? { signal } : {});
