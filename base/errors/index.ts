// Small helpers around thrown values; the API's own errors are api/meta's StatusError.
export { messageOf } from "./message.ts";
export { nearest } from "./nearest.ts";
