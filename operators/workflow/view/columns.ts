/** Cells under one another. The last one of a row ends it, however long. @param gap spaces between columns. */
export function alignColumns(rows: string[][], gap = 3): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + gap)))
      .join("")
      .trimEnd(),
  );
}
