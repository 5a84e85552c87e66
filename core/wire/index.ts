// Sockets: a Handler behind TLS or plain HTTP, and a remote server as a Handler.
export {
  type InClusterOptions,
  loadKubeconfig,
  openInCluster,
  openKubeconfig,
  type RemoteCluster,
} from "./cluster-access.ts";
export { http } from "./http.ts";
export { formatKubeconfig, type KubeconfigOptions, writeKubeconfig } from "./kubeconfig-file.ts";
export { errorResponse } from "./respond.ts";
export { type ServeOptions, type Serving, serve } from "./server.ts";
export { createTransport, type Transport, type TransportOptions } from "./transport.ts";
export { isSwitched, joinSockets, type SwitchedResponse, type Upgrade, writeRaw, writeSwitch } from "./upgrade.ts";
