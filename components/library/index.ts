// The components that come with the platform.
export { catalogue } from "./catalogue.ts";
export { headOf } from "./read/csv-source.ts";
export { creditCsv } from "./sample/credit.ts";
