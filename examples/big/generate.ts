// Writes loan applications as CSV to stdout: the rows of the component sample-data.
// Usage: node examples/big/generate.ts [rows, 1000000] [seed, 42] > loans.csv
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { creditCsv } from "@capstan/components/library";

const [rows = "1000000", seed = "42"] = process.argv.slice(2);
await pipeline(Readable.from(creditCsv(Number(rows), Number(seed))), process.stdout);
