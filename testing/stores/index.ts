// Stores of artifacts at the edge of their protocols, small enough for tests; the real ones are peers.

export { type Edge, type Fault, serveEdge } from "./edge.ts";
export { startHdfs } from "./hdfs.ts";
export { serveS3, startS3 } from "./s3.ts";
