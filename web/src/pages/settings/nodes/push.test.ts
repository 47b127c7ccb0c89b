import { expect, it } from "vitest";
import { readPush } from "./push";

it("reads sections, lines and fields however deep they come", () => {
  const parts = readPush({
    influx: {
      title: "Metric server",
      description: "faster",
      commands: ["pvesh a", "pvesh b"],
      fields: { Server: "pulse", Port: 7655 },
    },
    webhook: [{ method: "POST", body: "{\n}" }],
  });
  expect(parts).toHaveLength(2);
  expect(parts[0]).toMatchObject({
    title: "Metric server",
    words: ["faster"],
    lines: ["pvesh a", "pvesh b"],
  });
  expect(parts[0]?.parts[0]?.fields).toEqual([
    ["Server", "pulse"],
    ["Port", "7655"],
  ]);
  expect(parts[1]?.parts[0]).toMatchObject({ fields: [["Method", "POST"]], lines: ["{\n}"] });
});
it("nothing is nothing", () => expect(readPush({})).toEqual([]));
