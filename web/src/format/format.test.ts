import { describe, expect, it } from "vitest";
import { ago, bytes, bytesPair, duration, middle, percent, shortDuration } from "./format";

describe("bytes", () => {
  it.each([
    [0, ["0", "B"]],
    [512, ["512", "B"]],
    [1024, ["1", "KiB"]],
    [1536, ["1.50", "KiB"]],
    [1023 * 1024 * 1024, ["1.00", "GiB"]],
    [64 * 1024 ** 3, ["64", "GiB"]],
    [3.64 * 1024 ** 4, ["3.64", "TiB"]],
  ])("%d", (value, expected) => expect(bytes(value)).toEqual(expected));

  it("puts a pair in the unit of its total", () => {
    expect(bytesPair(41.6 * 1024 ** 3, 64 * 1024 ** 3)).toEqual(["41.6", "64", "GiB"]);
    expect(bytesPair(200 * 1024 ** 2, 8 * 1024 ** 3)).toEqual(["0.20", "8", "GiB"]);
  });
});

describe("percent", () => {
  it.each([
    [0, "0"],
    [0.01, "<0.1"],
    [4.26, "4.3"],
    [9.96, "10"],
    [45.4, "45"],
    [99.6, "99.6"],
    [99.97, "99.9"],
    [100, "100"],
  ])("%d", (value, expected) => expect(percent(value)).toBe(expected));
});

describe("durations", () => {
  it.each([
    [0, "0 s"],
    [59, "59 s"],
    [61, "1 min"],
    [3_700, "1 h 1 min"],
    [86_400 * 12 + 3_600 * 4, "12 d 4 h"],
  ])("%d", (value, expected) => expect(duration(value)).toBe(expected));

  it("has a one-unit form", () => {
    expect(shortDuration(86_400 * 3.4)).toBe("3 d");
    expect(ago(8)).toBe("8 s ago");
  });
});

it("shortens in the middle", () => expect(middle("9F:2C:61:0B:D4:7A", 5)).toBe("9F:2C…D4:7A"));
