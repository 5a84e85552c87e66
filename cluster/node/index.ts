// The kubelet's part: makes the pods of one node run, tells the API how they are, and serves their logs and streams.
export { createNodeAgent, type NodeAgent, type NodeAgentOptions, releaseVolumes } from "./agent.ts";
export type { DnsSettings } from "./pods/files.ts";
export type { DelayOptions } from "./pods/restart-delay.ts";
export { defaultNodeName } from "./registration.ts";
