/**
 * Types of the HTTP API. What the server's OpenAPI document covers comes from `schema.d.ts` (`npm run types`); the
 * rest is written by hand until the document covers it.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Memory = Schemas["MemoryJson"];

export type Disk = Schemas["DiskJson"];

export interface NetworkInterface {
  name: string;
  mac?: string;
  addresses?: string[];
  rxBytes?: number;
  txBytes?: number;
  speedMbps?: number;
}

export interface Temperature {
  available: boolean;
  cpuPackage?: number;
  cpuMax?: number;
  cores?: { core: number; temp: number }[];
  nvme?: { device: string; temp: number }[];
  gpu?: { device: string; edge?: number; junction?: number; mem?: number }[];
  smart?: { device: string; model?: string; temperature: number; standbySkipped?: boolean }[];
}

export interface NodeResource {
  id: string;
  name: string;
  displayName: string;
  instance: string;
  host?: string;
  guestURL?: string;
  status: string;
  type: string;
  /** Ratio 0 to 1. */
  cpu: number;
  memory?: Memory;
  mem: number;
  maxmem: number;
  disk?: Disk;
  uptime: number;
  loadAverage?: number[] | null;
  kernelVersion?: string;
  pveVersion?: string;
  cpuInfo?: { model: string; cores: number; sockets: number; mhz: string };
  temperature?: Temperature;
  lastSeen: number;
  connectionHealth?: string;
  isClusterMember?: boolean;
  clusterName?: string;
  linkedHostAgentId?: string;
  stale?: boolean;
  updates?: NodeUpdates;
  certificates?: Certificate[];
}

export interface GuestResource {
  id: string;
  vmid: number;
  name: string;
  node: string;
  instance: string;
  status: string;
  type: string;
  cpu: number;
  cpus: number;
  memory?: Memory;
  mem: number;
  maxmem: number;
  disk?: Disk;
  disks?: Disk[];
  diskStatusReason?: string;
  osName?: string;
  osVersion?: string;
  osTemplate?: string;
  agentVersion?: string;
  networkInterfaces?: NetworkInterface[];
  ipAddresses?: string[];
  networkIn: number;
  networkOut: number;
  diskRead: number;
  diskWrite: number;
  uptime: number;
  template: boolean;
  lastBackup?: number;
  tags?: string | string[];
  pool?: string;
  lock?: string;
  /** Why the four rates are not known; absent when they are. */
  ioStatusReason?: string;
  /** Unix ms when the guest agent's facts were read. */
  agentSeen?: number;
  /** Not reported for three poll intervals. */
  stale?: boolean;
  lastSeen: number;
}

export type HostSmart = Schemas["SmartJson"];

export type RaidArray = Schemas["RaidJson"];

export type HostResource = Schemas["HostJson"];

export type StorageResource = Schemas["StorageJson"];

export type PhysicalDiskResource = Schemas["PhysicalDiskJson"];
export type ZfsPoolResource = Schemas["ZfsPoolJson"];
export type CephResource = Schemas["CephClusterJson"];
export type ClusterResource = Schemas["ClusterJson"];
export type ReplicationResource = Schemas["ReplicationJobJson"];
export type PbsResource = Schemas["PbsJson"];
export type PmgResource = Schemas["PmgJson"];
export type BackupJobResource = Schemas["BackupJobJson"];
export type InstanceResource = Schemas["InstanceJson"];
export type NodeUpdates = Schemas["NodeUpdatesJson"];
export type Certificate = Schemas["CertificateJson"];

/** See `live.revisions`. */
export interface Revisions {
  backups: number;
  snapshots: number;
  tasks: number;
}

export interface AlertResource {
  id: string;
  type: string;
  level: string;
  resourceId: string;
  resourceName: string;
  node?: string;
  message: string;
  acknowledged: boolean;
}

export interface FullState {
  nodes: NodeResource[];
  vms: GuestResource[];
  containers: GuestResource[];
  storage: StorageResource[];
  hosts: HostResource[];
  connectionHealth?: Record<string, boolean>;
  activeAlerts?: AlertResource[];
  [key: string]: unknown;
}

export interface SecurityStatus {
  requiresAuth: boolean;
  hasAuthentication: boolean;
  apiTokenConfigured?: boolean;
  authUsername?: string;
  oidcUsername?: string;
  oidcEnabled?: boolean;
  oidcLogoutURL?: string;
  proxyAuthUsername?: string;
  proxyAuthLogoutURL?: string;
  hasProxyAuth?: boolean;
  hideLocalLogin?: boolean;
  tokenScopes?: string[];
  agentUrl?: string;
  bootstrapTokenPath?: string;
  isDocker?: boolean;
  inContainer?: boolean;
  lxcCtid?: string;
  dockerContainerName?: string;
}

export type Version = Schemas["Version"];

export type NodeType = "pve" | "pbs" | "pmg";

export interface ClusterEndpoint {
  NodeName: string;
  Host: string;
  IP: string;
  Online: boolean;
  PulseReachable?: boolean | null;
  PulseError?: string;
}

export interface ConfiguredNode {
  id: string;
  type: NodeType;
  name: string;
  host: string;
  guestURL?: string;
  user?: string;
  tokenName?: string;
  fingerprint?: string;
  hasPassword: boolean;
  hasToken: boolean;
  verifySSL: boolean;
  monitorVMs?: boolean;
  monitorContainers?: boolean;
  monitorStorage?: boolean;
  monitorBackups?: boolean;
  monitorPhysicalDisks?: boolean;
  monitorDatastores?: boolean;
  monitorMailStats?: boolean;
  monitorQueues?: boolean;
  monitorQuarantine?: boolean;
  monitorDomainStats?: boolean;
  temperatureMonitoringEnabled?: boolean;
  status: string;
  /** The cause of `disconnected` in words, and when it was last reached (Unix ms). */
  statusReason?: string;
  lastSuccess?: number;
  isCluster?: boolean;
  clusterName?: string;
  clusterEndpoints?: ClusterEndpoint[];
  source?: string;
}

export interface NodeInput {
  type: NodeType;
  name: string;
  host: string;
  guestURL: string;
  fingerprint: string;
  verifySSL: boolean;
  user?: string;
  password?: string;
  tokenName?: string;
  tokenValue?: string;
  monitorPhysicalDisks?: boolean;
  temperatureMonitoringEnabled?: boolean;
  monitorBackups?: boolean;
  monitorMailStats?: boolean;
  monitorQueues?: boolean;
  monitorQuarantine?: boolean;
  monitorDomainStats?: boolean;
}

export interface TestResult {
  status: string;
  message: string;
  isCluster?: boolean;
  clusterName?: string;
  nodeCount?: number;
  clusterNodeCount?: number;
  datastoreCount?: number;
  version?: string;
  release?: string;
  latency?: number;
  warnings?: string[];
  /** SHA-256 of the certificate the server offered. */
  fingerprint?: string;
}

export interface ApiToken {
  id: string;
  name: string;
  prefix: string;
  suffix: string;
  createdAt: string;
  lastUsedAt?: string;
  expiresAt?: string;
  scopes: string[];
}

export type HistoryPoint = Schemas["PointJson"];

export interface History {
  resourceType: string;
  resourceId: string;
  range: string;
  start: number;
  end: number;
  /** Milliseconds that a point stands for; 0 for single samples. */
  step?: number;
  metrics: Record<string, HistoryPoint[]>;
}

export interface ChartPoint {
  timestamp: number;
  value: number;
}

export interface Charts {
  data: Record<string, Record<string, ChartPoint[]>>;
  nodeData: Record<string, Record<string, ChartPoint[]>>;
  /** The use of storages is called `disk` here. */
  storageData?: Record<string, Record<string, ChartPoint[]>>;
  timestamp: number;
}

export interface GuestMetadata {
  id: string;
  customUrl?: string;
  description?: string;
  tags?: string[];
  notes?: string[];
}
