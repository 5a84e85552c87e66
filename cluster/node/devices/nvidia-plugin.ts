import { existsSync } from "node:fs";
import type { Mount } from "@capstan/core/runtime";
import { type Gpu, watchGpus } from "@capstan/core/runtime/devices";
import type { DevicePlugin } from "./plugin.ts";

/** What every program that uses CUDA opens beside the GPUs themselves. */
const shared = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"];

/** The node's own GPUs as nvidia.com/gpu, where no plugin of the vendor runs. A GPU that answers no more is unhealthy. */
export function createNvidiaPlugin(tool: string): DevicePlugin {
  const known = new Map<string, Gpu>();
  return {
    resource: "nvidia.com/gpu",
    async *devices(signal) {
      for await (const gpus of watchGpus(tool, signal)) {
        for (const gpu of gpus) known.set(gpu.uuid, gpu);
        const present = new Set(gpus.map(({ uuid }) => uuid));
        yield [...known.keys()].map((id) => ({ id, healthy: present.has(id) }));
      }
    },
    prefer: async () => undefined,
    async allocate(ids) {
      const paths = ids.map((id) => `/dev/nvidia${known.get(id)?.index}`);
      const visible = ids.join(",");
      return {
        env: [
          { name: "CUDA_VISIBLE_DEVICES", value: visible },
          { name: "NVIDIA_VISIBLE_DEVICES", value: visible },
        ],
        mounts: [...paths, ...shared].filter((path) => existsSync(path)).map(deviceAt),
      };
    },
    beforeStart: async () => {},
  };
}

function deviceAt(path: string): Mount {
  return { hostPath: path, containerPath: path, device: true };
}
