import type { DelayOptions } from "../pods/restart-delay.ts";

export interface ShownSettings {
  address: string;
  maxPods: number;
  manifestDir: string;
  volumePluginDir: string;
  dns: { server?: string; domain: string };
  podCidr?: string | undefined;
  delays: DelayOptions;
  pidsLimit: number;
}

/** The node's settings under the names of the kubelet's own. Source: k8s.io/kubelet config/v1beta1. */
export function kubeletConfiguration(settings: ShownSettings): Record<string, unknown> {
  const { address, maxPods, manifestDir, volumePluginDir, dns, podCidr, delays, pidsLimit } = settings;
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address,
    maxPods,
    staticPodPath: manifestDir,
    volumePluginDir,
    clusterDomain: dns.domain,
    ...(dns.server ? { clusterDNS: [dns.server] } : {}),
    ...(podCidr ? { podCIDR: podCidr } : {}),
    podPidsLimit: pidsLimit,
    crashLoopBackOff: { maxContainerRestartPeriod: `${Math.round(delays.cap / 1000)}s` },
    authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
    enableControllerAttachDetach: false,
    nodeLeaseDurationSeconds: 40,
    nodeStatusReportFrequency: "5m0s",
    containerLogMaxSize: "10Mi",
    containerLogMaxFiles: 5,
  };
}
