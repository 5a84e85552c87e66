// Starts containers: the only room that does. Its seam has the shape of CRI.
export type { InProcessContainer, InProcessImages, InProcessProgram } from "./in-process.ts";
