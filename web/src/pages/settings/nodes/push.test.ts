import { expect, it } from "vitest";
import { readPush } from "./push";

it("reads commands, fields and listeners", () => {
  const setup = readPush({
    token: { placeholder: "<token>", scope: "push:report" },
    metricServers: [
      {
        instance: "lab",
        commands: ["pvesh a"],
        gui: { path: "Datacenter", fields: [{ field: "Port", value: 7655 }] },
      },
    ],
    webhooks: [{ instance: "pbs1", type: "pbs", commands: ["x", "y"] }],
    listeners: { influxUDP: null, graphite: "127.0.0.1:2003", hint: "off" },
  });
  expect(setup.metricServers[0]).toEqual({
    title: "lab",
    commands: ["pvesh a"],
    path: "Datacenter",
    fields: [["Port", "7655"]],
  });
  expect(setup.webhooks[0]).toMatchObject({ title: "pbs1, PBS", commands: ["x", "y"], fields: [] });
  expect(setup.listeners).toEqual([
    ["influxUDP", ""],
    ["graphite", "127.0.0.1:2003"],
  ]);
});

it("a strange answer is empty, not an error", () =>
  expect(readPush([])).toMatchObject({ metricServers: [], webhooks: [], placeholder: "" }));
