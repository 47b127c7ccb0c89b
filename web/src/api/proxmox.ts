/** Parts of a Proxmox estate beside nodes, guests and hosts, by the names that the pages use. Times are Unix ms. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type PermissionGap = Schemas["PermissionGapJson"];
export type InstanceResource = Schemas["InstanceJson"];
export type NodeUpdates = Schemas["NodeUpdatesJson"];
export type Certificate = Schemas["CertificateJson"];

export type StorageWithParts = Schemas["StorageJson"];
/** A ZFS pool as a storage carries it. */
export type PoolHealth = Schemas["PoolHealthJson"];
export type ZfsPoolResource = Schemas["ZfsPoolJson"];
export type DiskResource = Schemas["PhysicalDiskJson"];

export type CephPool = Schemas["CephPoolJson"];
export type CephResource = Schemas["CephClusterJson"];

export type HaService = Schemas["HaServiceJson"];
export type ClusterResource = Schemas["ClusterJson"];

export type ReplicationResource = Schemas["ReplicationJobJson"];

export type Outcome = "running" | "ok" | "warnings" | "failed" | "unknown";
export type TaskResource = Omit<Schemas["TaskJson"], "outcome"> & { outcome: Outcome };
