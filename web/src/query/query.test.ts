import { describe, expect, it } from "vitest";
import type { GuestResource } from "@/api/types";
import { makeGuestRow, updateGuestRow, type GuestRow } from "@/model/guest";
import { hasTerm, parseQuery, toggleTerm } from "./query";
import { GUESTS } from "./guests";
import { nearestFix, suggest } from "./suggest";

const GIB = 1024 ** 3;

function guest(name: string, over: Partial<GuestResource> = {}): GuestRow {
  const row = makeGuestRow({
    id: name,
    vmid: 100,
    name,
    node: "pve1",
    instance: "fra",
    status: "running",
    type: "qemu",
    cpu: 0.5,
    cpus: 4,
    memory: { total: 8 * GIB, used: 4 * GIB, free: 4 * GIB, usage: 50 },
    mem: 4 * GIB,
    maxmem: 8 * GIB,
    networkIn: 0,
    networkOut: 0,
    diskRead: 0,
    diskWrite: 0,
    uptime: 86_400 * 3,
    template: false,
    lastSeen: 0,
    ...over,
  });
  updateGuestRow(row, { at: 0, interval: 10, offlineNodes: new Set(["fra\u0000pve9"]), health: {} });
  return row;
}

const rows = [
  guest("web-1", { tags: "prod,web", cpu: 0.9 }),
  guest("db-1", { tags: "prod;db", node: "pve2", vmid: 104 }),
  guest("cache", { type: "lxc", tags: "dev", cpu: 0.02 }),
  guest("old", { status: "stopped", uptime: 0 }),
  guest("lost", { node: "pve9" }),
];

function check(query: string, expected: string) {
  const { predicate, error } = parseQuery(query, GUESTS);
  expect(error, query).toBeUndefined();
  const names = rows.filter((row) => predicate?.(row)).map((row) => row.name);
  expect(names.join(" "), query).toBe(expected);
}

describe("queries", () => {
  it.each([
    ["", "web-1 db-1 cache old lost"],
    ["web", "web-1"],
    ["WEB", "web-1"],
    ["104", "db-1"],
    ["pve2", "db-1"],
    ["cpu>40", "web-1 db-1"],
    ["cpu>40 tag:prod", "web-1 db-1"],
    ["cpu>40 -tag:web", "db-1"],
    ["NOT tag:prod", "cache old lost"],
    ["tag:web,dev", "web-1 cache"],
    ["tag:pro", ""],
    ["tag:pro*", "web-1 db-1"],
    ["type:lxc", "cache"],
    ["type:ct OR node:pve2", "db-1 cache"],
    ["(type:ct OR node:pve2) cpu<10", "cache"],
    ["NOT (type:ct OR node:pve2) cpu>1", "web-1"],
    ["status:stopped", "old"],
    ["is:unknown", "lost"],
    ["status:problem", "web-1"],
    ["uptime>2d", "web-1 db-1 cache"],
    ["ram>=8G type:ct", "cache"],
    ['name:"web-1"', "web-1"],
    ["cpu:>80", "web-1"],
    ["id:104", "db-1"],
  ])("%s", (query, expected) => check(query, expected));

  it.each([
    ["cpu>", "Expected a value", 0],
    ["cpu>abc", "needs a number", 4],
    ["cpu>80 AND (tag:prod OR", "Expected a filter after OR", 21],
    ["(tag:prod", "closing )", 0],
    ["tag:prod)", "no ( for this", 8],
    ["foo:bar", "no field foo", 0],
    ["OR web", "before OR", 0],
    ["node>3", "is text", 0],
  ])("says what is wrong with %s", (query, message, at) => {
    const { error } = parseQuery(query, GUESTS);
    expect(error?.message).toContain(message);
    expect(error?.start).toBe(at);
  });
});

it("takes an unknown tag as the beginning of one", () => {
  const { predicate } = parseQuery("tag:pro", GUESTS, (_field, value) => value === "prod");
  expect(rows.filter((row) => predicate?.(row)).map((row) => row.name)).toEqual(["web-1", "db-1"]);
});

it("toggles terms", () => {
  expect(toggleTerm("cpu>4", "tag:prod")).toBe("cpu>4 tag:prod");
  expect(toggleTerm("cpu>4 tag:prod", "tag:prod")).toBe("cpu>4");
  expect(hasTerm("a tag:prod", "tag:prod")).toBe(true);
});

it("suggests values, fields and fixes", () => {
  const values = suggest("tag:pr", 6, rows, [], GUESTS);
  expect(values[0]?.items.map((i) => i.insert)).toEqual(["tag:prod"]);
  expect(values[0]?.items[0]?.detail).toBe("2 guests");
  expect(suggest("me", 2, rows, [], GUESTS).flatMap((g) => g.items.map((i) => i.insert))).toContain("mem>");
  expect(nearestFix("cpu>95 tag:prdo", rows, GUESTS)).toMatchObject({
    right: "prod",
    query: "cpu>95 tag:prod",
    count: 2,
  });
});
