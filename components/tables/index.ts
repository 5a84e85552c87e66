// Tables on DuckDB: opening, reading, writing, and turning columns into typed arrays.
export { orAbsent } from "./absent.ts";
export { delimiters, guessDelimiter, headerLimit, headerNames, lineOfRecord, splitRecords } from "./csv.ts";
export { type Database, type DatabaseOptions, openDatabase, type Value } from "./database.ts";
export {
  type ColumnProfile,
  countRows,
  loadFloats,
  loadIndexes,
  namesOf,
  openTable,
  type Table,
  type TableMeta,
  writeTable,
} from "./table.ts";
