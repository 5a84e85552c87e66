// What gives a node devices: a plugin of a vendor on its socket, or the agent itself.
import type { Mount } from "@capstan/core/runtime";

export interface Device {
  id: string;
  healthy: boolean;
}

/** What a container gets with its devices. */
export interface Grant {
  env: { name: string; value: string }[];
  mounts: Mount[];
}

export interface DevicePlugin {
  /** An extended resource such as nvidia.com/gpu. */
  readonly resource: string;
  /** All devices, again after each change of one. Ends with the signal; or when the plugin has gone. */
  devices(signal: AbortSignal): AsyncIterable<Device[]>;
  /** Which of the available devices fit together best; undefined when any do. `must` are among the answer. */
  prefer(available: string[], must: string[], count: number): Promise<string[] | undefined>;
  allocate(ids: string[]): Promise<Grant>;
  /** Called each time before a container with these devices starts. */
  beforeStart(ids: string[]): Promise<void>;
}
