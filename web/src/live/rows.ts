/**
 * Rows derived from what the server sends: an id keeps its object, so that DOM, focus and selection survive an
 * update. Read the result itself to subscribe to changes inside the rows.
 */
import { createMemo, type Accessor } from "solid-js";

export function createRows<R, T extends { id: string }>(
  source: () => readonly R[],
  derive: (raw: R) => T,
): Accessor<readonly T[]> {
  let known = new Map<string, T>();
  return createMemo(() => {
    const next = new Map<string, T>();
    for (const raw of source()) {
      const row = derive(raw);
      const before = known.get(row.id);
      next.set(row.id, before ? Object.assign(before, row) : row);
    }
    known = next;
    return [...next.values()];
  });
}
