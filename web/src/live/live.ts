/**
 * Live data for the views.
 *
 * Resources are plain objects that change in place; reading `tick()` subscribes to any change, `structure()` to
 * resources that came, went or were replaced. With some fifty rows on screen that costs less than a fine-grained
 * store over thousands of resources. Rows derived for the tables are kept here, once, not per view.
 */
import { batch, createMemo, createRoot, createSignal } from "solid-js";
import type { AlertResource, Revisions } from "@/api/types";
import { makeGuestRow, updateGuestRow, type GuestRow } from "@/model/guest";
import { makeHostRow, updateHostRow, type HostRow } from "@/model/host";
import { makeNodeRow, updateNodeRow, type NodeRow } from "@/model/node";
import type { Context } from "@/model/level";
import { now } from "./clock";
import {
  Replica,
  type Changes,
  type CollectionName,
  type Collections,
  type DeltaMessage,
  type SnapshotMessage,
} from "./replica";
import { LiveSocket, type Phase } from "./socket";

const replica = new Replica();

const [tick, setTick] = createSignal(0);
const [structure, setStructure] = createSignal(0);
const [phase, setPhase] = createSignal<Phase>("connecting");
const [nextTryAt, setNextTryAt] = createSignal(0);
const [loaded, setLoaded] = createSignal(false);
const [receivedAt, setReceivedAt] = createSignal(0);
const [interval_, setInterval_] = createSignal(10);
const [serverVersion, setServerVersion] = createSignal("");
let clockOffset = 0;

const nodeRows = new Map<number, NodeRow>();
const guestRows = { vms: new Map<number, GuestRow>(), containers: new Map<number, GuestRow>() };
const hostRows = new Map<number, HostRow>();

const offlineNodes = new Set<string>();
export const nodeKey = (instance: string, node: string) => `${instance}\u0000${node}`;

function context(): Context {
  return {
    at: replica.at,
    interval: interval_(),
    offlineNodes,
    health: (replica.rest.connectionHealth ?? {}) as Record<string, boolean>,
  };
}

function refreshRows(changes: Changes) {
  const ctx = context();
  let nodesMoved = false;
  for (const [handle, raw] of replica.tables.nodes) {
    let row = nodeRows.get(handle);
    if (!row || row.raw !== raw) {
      row = makeNodeRow(raw);
      nodeRows.set(handle, row);
    }
    updateNodeRow(row, ctx);
    const key = nodeKey(raw.instance, raw.name);
    if (row.offline !== offlineNodes.has(key)) {
      if (row.offline) offlineNodes.add(key);
      else offlineNodes.delete(key);
      nodesMoved = true;
    }
  }
  for (const kind of ["vms", "containers"] as const) {
    const rows = guestRows[kind];
    const table = replica.tables[kind];
    // A node that went or came changes what is known about all its guests.
    const handles = nodesMoved || changes.structure ? table.keys() : changes.touched[kind];
    for (const handle of handles) {
      const raw = table.get(handle);
      if (!raw) continue;
      let row = rows.get(handle);
      if (!row || row.raw !== raw) {
        row = makeGuestRow(raw, row);
        rows.set(handle, row);
      }
      updateGuestRow(row, ctx);
    }
  }
  for (const [handle, raw] of replica.tables.hosts) {
    let row = hostRows.get(handle);
    if (!row || row.raw !== raw) {
      row = makeHostRow(raw);
      hostRows.set(handle, row);
    }
    updateHostRow(row, ctx);
  }
  if (!changes.structure) return;
  for (const [rows, table] of [
    [nodeRows, replica.tables.nodes],
    [guestRows.vms, replica.tables.vms],
    [guestRows.containers, replica.tables.containers],
    [hostRows, replica.tables.hosts],
  ] as const)
    for (const handle of rows.keys()) if (!table.has(handle)) rows.delete(handle);
}

function applied(changes: Changes) {
  clockOffset = replica.at - Date.now();
  refreshRows(changes);
  batch(() => {
    setReceivedAt(Date.now());
    setTick((n) => n + 1);
    if (changes.structure) setStructure((n) => n + 1);
    setLoaded(true);
  });
}

type ServerEvent = (name: string, data: unknown) => void;
const listeners = new Set<ServerEvent>();
/** Calls back for `event` messages (a node registered itself, …); returns the way to stop. */
export function onServerEvent(listener: ServerEvent): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let signedOut: () => void = () => {};

const socket = new LiveSocket({
  phase(next, at) {
    batch(() => {
      setPhase(next);
      setNextTryAt(at);
    });
  },
  signedOut: () => signedOut(),
  message(message) {
    switch (message.type) {
      case "hello": {
        const hello = message as { type: string; server?: string; interval?: number };
        if (hello.interval) setInterval_(hello.interval);
        if (hello.server) setServerVersion(hello.server);
        break;
      }
      case "snapshot":
        // The server may have restarted: its handles mean other resources now.
        nodeRows.clear();
        guestRows.vms.clear();
        guestRows.containers.clear();
        hostRows.clear();
        offlineNodes.clear();
        applied(replica.snapshot(message as SnapshotMessage));
        break;
      case "delta": {
        const changes = replica.delta(message as DeltaMessage);
        if (changes) applied(changes);
        else socket.resync();
        break;
      }
      case "event": {
        const event = message as { type: string; name?: string; data?: unknown };
        for (const listener of listeners) listener(event.name ?? "", event.data);
        break;
      }
      default:
    }
  },
});

export type Freshness = "connecting" | "live" | "stale" | "lost";

export const live = createRoot(() => {
  const nodes = createMemo(() => (structure(), [...nodeRows.values()]));
  const guests = createMemo(
    () => (structure(), [...guestRows.vms.values(), ...guestRows.containers.values()]),
  );
  const hosts = createMemo(() => (structure(), [...hostRows.values()]));
  const guestById = createMemo(() => new Map(guests().map((row) => [row.id, row])));
  const freshness = createMemo<Freshness>(() => {
    if (!loaded()) return phase() === "waiting" ? "lost" : "connecting";
    if (phase() !== "open") return now() - receivedAt() < 3_000 ? "live" : "lost";
    return now() - receivedAt() > interval_() * 3_000 + 5_000 ? "stale" : "live";
  });
  return {
    tick,
    structure,
    loaded,
    nodes,
    guests,
    hosts,
    guestById,
    freshness,
    phase,
    nextTryAt,
    interval: interval_,
    serverVersion,
    /** Server time of the data shown. */
    dataAt: () => (tick(), replica.at),
    /** The server's clock, now. */
    serverNow: () => now() + clockOffset,
    /** Seconds since the last message. */
    age: () => Math.max(0, Math.round((now() - receivedAt()) / 1000)),
    alerts: () => (structure(), (replica.rest.activeAlerts ?? []) as AlertResource[]),
    health: () => (structure(), (replica.rest.connectionHealth ?? {}) as Record<string, boolean>),
    /** The resources of a collection; changes when one came, went, was replaced or was read anew. */
    list: <K extends CollectionName>(kind: K): Collections[K][] => (
      tick(),
      [...replica.tables[kind].values()]
    ),
    /** Numbers that move when the lists behind them have to be fetched again. */
    revisions: () => (
      structure(),
      (replica.rest.revisions ?? { backups: 0, snapshots: 0, tasks: 0 }) as Revisions
    ),
    /** A key of the state that is replaced as a whole: `instances`, `backupJobs`, `unprotected`. */
    rest: (key: string): unknown => (structure(), replica.rest[key]),
    storageCount: () => (structure(), replica.tables.storage.size),
    /** What rows need to know besides their own resource. */
    context: () => (tick(), context()),
    reconnect: socket.reconnectNow,
    start(onSignedOut: () => void) {
      signedOut = onSignedOut;
      socket.start();
    },
    stop: () => socket.stop(),
  };
});
