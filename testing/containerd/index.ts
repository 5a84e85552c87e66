// Debian's containerd as a part of a test.
export { type Containerd, containerdMissing, startContainerd } from "./containerd.ts";
