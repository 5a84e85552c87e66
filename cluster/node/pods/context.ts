import type { Service } from "@capstan/api/generated/core-v1";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import type { Recorder } from "@capstan/core/reconcile";
import type { RuntimeService } from "@capstan/core/runtime";
import type { Allocatable } from "../containers/downward.ts";
import type { DataSource } from "../containers/environment.ts";
import type { DeviceManager } from "../devices/manager.ts";
import type { ProbeCounts } from "../probes/counts.ts";
import type { FlexVolumes } from "../volumes/flex/flex-volumes.ts";
import type { VolumeData } from "../volumes/payload.ts";
import type { TokenCache } from "../volumes/token-cache.ts";
import type { DnsSettings } from "./files.ts";
import type { ImagePuller } from "./image-puller.ts";
import type { DelayOptions } from "./restart-delay.ts";

/** What all pods of a node share. */
export interface NodeContext {
  client: Client;
  runtime: RuntimeService;
  /** The one handler that RuntimeClasses may ask for here. */
  runtimeName: string;
  puller: ImagePuller;
  recorder: Recorder;
  log: Logger;
  dataDir: string;
  /** Directory of static pods' manifests. */
  manifestDir: string;
  hostIP: string;
  dns: DnsSettings;
  allocatable: Allocatable;
  variables: DataSource;
  volumeData: VolumeData;
  tokens: TokenCache;
  flex: FlexVolumes;
  devices: DeviceManager;
  /** Where this agent has what pods look for at a fixed path of the node. */
  nodePath(path: string): string;
  /** Services whose variables pods get. */
  services(): Service[];
  delays: DelayOptions;
  /** Processes that a container may have. */
  pidsLimit: number;
  probes: ProbeCounts;
  /** Aborts when the agent stops: pods are left as they are. */
  signal: AbortSignal;
}
