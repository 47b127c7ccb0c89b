import { expect, it } from "vitest";
import { toPanel, typicalStep, valueAt } from "./series";

const at = (seconds: number, value: number) => ({
  timestamp: seconds * 1000,
  value,
  min: value - 1,
  max: value + 1,
});

it("leaves a gap where points are missing", () => {
  const points = [at(0, 1), at(60, 2), at(120, 3), at(600, 4), at(660, 5)];
  expect(typicalStep(points)).toBe(60);
  const panel = toPanel(points, 0, 660_000);
  expect(panel.x).toEqual([0, 60, 120, 150, 600, 660]);
  expect(panel.value).toEqual([1, 2, 3, null, 4, 5]);
  expect(panel.gaps).toEqual([[150, 570]]);
  expect(valueAt(panel, 65)).toBe(2);
  expect(valueAt(panel, 400)).toBeNull();
});

it("says that history began later than the range", () => {
  const panel = toPanel([at(3_000, 1), at(3_060, 2)], 0, 3_060_000);
  expect(panel.gaps).toEqual([]);
  expect(panel.began).toBe(3_000);
  expect(valueAt(panel, 2_000)).toBeNull();
});

it("drops unknown values", () => {
  expect(toPanel([at(0, -1), at(60, 2)], 0, 60_000).value).toEqual([2]);
});
