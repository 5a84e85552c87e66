// Starts containers: the only room that does. Its seam has the shape of CRI.
export type {
  AuthConfig,
  ContainerConfig,
  ContainerEvent,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  ExecOptions,
  ExecResult,
  ExecSession,
  ImageFileSystem,
  ImageService,
  ImageStatus,
  Mount,
  NamespaceOptions,
  NetworkCounters,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStats,
  PullProgress,
  Resources,
  RuntimeErrorCode,
  RuntimeService,
  SeccompProfile,
  SecurityConfig,
} from "./cri.ts";
export { RuntimeError } from "./cri.ts";
export { type DiskUsage, diskUsage } from "./disk-usage.ts";
export { type FakeBehaviour, type FakeProgram, FakeRuntime } from "./fake/fake.ts";
export type { BuiltinImage, ImageSettings } from "./images/image.ts";
export type { ImageMapping } from "./images/image-map.ts";
export {
  credentialsFor,
  type DockerConfigKey,
  type Keyring,
  parseDockerConfig,
  readDockerConfig,
} from "./images/keyring.ts";
export { type PullSecrets, readPullSecrets } from "./images/pull-secrets.ts";
export { createImageLookup, type ImageLookup } from "./images/registry/lookup.ts";
export type { RegistryOptions } from "./images/registry/options.ts";
export type { InProcessContainer, InProcessImages, InProcessProgram } from "./in-process.ts";
export { removeLeftovers, sweepInstances } from "./leftovers.ts";
export { type LogEntry, readLog } from "./log-reader.ts";
export { addressAt, type Cidr, contains, parseCidr, partOf } from "./network/address.ts";
export { conntrackMissing, forgetUdp } from "./network/conntrack.ts";
export {
  type AllocateOptions,
  allocateInstanceNetwork,
  type InstanceNetwork,
  releaseInstanceNetwork,
} from "./network/instance.ts";
export { createNftMonitor, type NftMonitor } from "./network/nft-monitor.ts";
export { createNftTable, emptyState, type NftTable, nftMissing, type TableState } from "./network/nft-table.ts";
export { findTool } from "./oci/command.ts";
export { LayeredRoot } from "./oci/layers.ts";
export { readProcess } from "./oci/processes.ts";
export { type ProgramEnd, ProgramError, type ProgramErrorCode, type ProgramOptions, runProgram } from "./program.ts";
export { canBridge, createRuntime, type Runtime, type RuntimeOptions } from "./runtime.ts";
