import type { Column } from "@capstan/components/contract";
import { createRandom, normal } from "@capstan/components/engine";

const purposes = ["car", "education", "furniture", "home", "medical", "wedding"];
const regions = ["east", "north", "south", "west"];
/** Share of the values that are missing, in the columns that may miss some. */
const gaps = 0.03;
/** Rows in a chunk of text. */
const chunk = 4096;

export const creditColumns: Column[] = [
  { name: "id", type: "integer", role: "feature" },
  { name: "age", type: "integer", role: "feature" },
  { name: "income", type: "number", role: "feature" },
  { name: "amount", type: "number", role: "feature" },
  { name: "months", type: "integer", role: "feature" },
  { name: "late_payments", type: "integer", role: "feature" },
  { name: "purpose", type: "string", role: "feature" },
  { name: "region", type: "string", role: "feature" },
  { name: "repaid", type: "string", role: "feature" },
];

/** A CSV file in chunks: applications for loans, and whether they were repaid ("yes", "no"). */
export function* creditCsv(rows: number, seed: number): Generator<string> {
  const random = createRandom(seed);
  yield `${creditColumns.map(({ name }) => name).join(",")}\n`;
  for (let from = 0; from < rows; from += chunk) {
    let text = "";
    for (let row = from; row < Math.min(rows, from + chunk); row++) text += creditRow(row + 1, random);
    yield text;
  }
}

function creditRow(id: number, random: () => number): string {
  const age = 18 + Math.floor(random() * 58);
  const income = Math.exp(10.2 + 0.6 * normal(random));
  const amount = Math.exp(8.5 + 0.8 * normal(random));
  const months = 6 * (1 + Math.floor(random() * 10));
  const late = Math.min(12, Math.floor(-1.6 * Math.log(1 - random())));
  const purpose = Math.floor(random() * purposes.length);
  const region = Math.floor(random() * regions.length);
  const burden = (12 * amount) / months / income;
  const odds =
    2.4 -
    5 * Math.min(1.5, burden) -
    0.7 * late +
    (age < 25 ? -0.8 : 0.02 * Math.min(age, 60)) +
    (purpose === 3 ? 0.6 : purpose === 5 ? -0.7 : 0) +
    (region === 1 && late > 2 ? -1 : 0);
  const repaid = random() < 1 / (1 + Math.exp(-odds)) ? "yes" : "no";
  const gap = (text: string) => (random() < gaps ? "" : text);
  const numbers = `${id},${age},${gap(income.toFixed(2))},${amount.toFixed(2)},${months},${gap(String(late))}`;
  return `${numbers},${gap(purposes[purpose] as string)},${regions[region]},${repaid}\n`;
}
