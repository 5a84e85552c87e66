// Devices of the machine that containers can be given.
export { findNvidiaTool, type Gpu, watchGpus } from "./nvidia.ts";
