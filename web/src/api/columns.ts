/**
 * Long tables come by column: a plain list of values, or a dictionary with an index for each row. Decoding makes one
 * object a row, all of one shape.
 */
export type Column<T> = readonly T[] | { dict: readonly T[]; index: readonly number[] };

/** Reads the value of a row; rows that the column does not have give `missing`. */
export function reader<T>(column: Column<T> | undefined, missing: T): (row: number) => T {
  if (column === undefined) return () => missing;
  if ("dict" in column) {
    const { dict, index } = column;
    return (row) => dict[index[row] ?? -1] ?? missing;
  }
  return (row) => column[row] ?? missing;
}
