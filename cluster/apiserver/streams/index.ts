// Requests that end at a node, a pod or a service: logs, exec, attach, port-forward, proxy.
import type { ExtensionFactory } from "../request.ts";
import { createKubelets, type KubeletsOptions } from "./kubelet.ts";
import { createPodStreams } from "./pod-stream.ts";
import { createProxies } from "./proxy.ts";

export type StreamsOptions = Omit<KubeletsOptions, "view">;

/** An answer to a request with an Upgrade header is a SwitchedResponse of core/wire: the server joins the connections. */
export function createStreams(options: StreamsOptions): ExtensionFactory {
  return (view) => {
    const kubelets = createKubelets({ view, ...options });
    return { endpoints: [...createPodStreams(view, kubelets), ...createProxies(view, kubelets)] };
  };
}
