// The `cri` driver: a client of containerd, CRI-O or another runtime that speaks runtime.v1 at a socket.
export { removeRemoteLeftovers } from "./leftovers.ts";
export { createRemoteRuntime, type RemoteRuntimeOptions } from "./remote.ts";
