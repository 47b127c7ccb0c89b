/** Order of rows: the text in the URL, its meaning, and how values compare. */

export type SortValue = number | string | null;

export interface Sort {
  key: string;
  down: boolean;
}

export function compareValues(a: SortValue, b: SortValue, down = false): number {
  // Empty values come last, whatever the direction.
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = a < b ? -1 : a > b ? 1 : 0;
  return down ? -order : order;
}

export const readSort = (text: string): Sort =>
  text.startsWith("-") ? { key: text.slice(1), down: true } : { key: text, down: false };

/**
 * The next sort text after a click. Names begin small; what is measured begins large, because that is what one
 * looks for. Where a list has an order of its own, the third click returns to it.
 */
export function nextSort(current: Sort, key: string, ascending: boolean, hasOwnOrder: boolean): string {
  const first = ascending ? key : `-${key}`;
  if (current.key !== key) return first;
  const flipped = current.down ? key : `-${key}`;
  return hasOwnOrder && flipped === first ? "" : flipped;
}
