// A vendor's plugin on its socket. Contract: k8s.io/kubelet deviceplugin/v1beta1.

import { createQueue } from "@capstan/base/async";
import { RuntimeError } from "@capstan/core/runtime";
import type { MethodCodec } from "@capstan/core/wire/grpc";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import type { ContainerAllocateResponse, Methods } from "./generated/device-plugin.ts";
import type { Device, DevicePlugin, Grant } from "./plugin.ts";

type Method = keyof Methods & `v1beta1.DevicePlugin/${string}`;

export interface RemotePluginOptions {
  resource: string;
  /** Absolute path of its socket. */
  socket: string;
  codecs: ReadonlyMap<string, MethodCodec>;
}

/** The kubelet's: pkg/kubelet/cm/devicemanager/plugin/v1beta1. */
const connectMs = 10_000;
const startMs = 30_000;
const callMs = 120_000;
/** Devices that one plugin may have. */
const deviceLimit = 10_000;

/** Connects and asks what the plugin can. @throws when nothing answers on the socket. */
export async function connectPlugin(options: RemotePluginOptions): Promise<DevicePlugin & Disposable> {
  const { resource, socket, codecs } = options;
  const client = new Client(`unix:${socket}`, credentials.createInsecure());
  const call = <M extends Method>(method: M, request: Methods[M]["request"], timeoutMs = callMs) =>
    new Promise<Methods[M]["response"]>((resolve, reject) => {
      const { path, request: sent, response: received } = codecs.get(method) as MethodCodec;
      const deadline = Date.now() + timeoutMs;
      client.makeUnaryRequest(path, sent.encode, received.decode, request, { deadline }, (error, answer) =>
        error ? reject(new Error(error.details || error.message)) : resolve(answer as Methods[M]["response"]),
      );
    });
  try {
    const can = await call("v1beta1.DevicePlugin/GetDevicePluginOptions", {}, connectMs);
    return {
      resource,
      devices: (signal) => watchDevices(client, codecs, signal),
      async prefer(available, must, count) {
        if (!can.getPreferredAllocationAvailable) return undefined;
        const request = { availableDeviceIDs: available, mustIncludeDeviceIDs: must, allocationSize: count };
        const answer = await call("v1beta1.DevicePlugin/GetPreferredAllocation", { containerRequests: [request] });
        return answer.containerResponses?.[0]?.deviceIDs;
      },
      async allocate(ids) {
        const answer = await call("v1beta1.DevicePlugin/Allocate", { containerRequests: [{ devicesIds: ids }] });
        const [granted] = answer.containerResponses ?? [];
        if (!granted) throw new Error(`the plugin of ${resource} answered Allocate for no container`);
        return grantOf(resource, granted);
      },
      async beforeStart(ids) {
        if (can.preStartRequired) await call("v1beta1.DevicePlugin/PreStartContainer", { devicesIds: ids }, startMs);
      },
      [Symbol.dispose]: () => client.close(),
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

async function* watchDevices(
  client: Client,
  codecs: ReadonlyMap<string, MethodCodec>,
  signal: AbortSignal,
): AsyncGenerator<Device[]> {
  const { path, request, response } = codecs.get("v1beta1.DevicePlugin/ListAndWatch") as MethodCodec;
  const queue = createQueue<Methods["v1beta1.DevicePlugin/ListAndWatch"]["response"]>();
  const sent = client.makeServerStreamRequest(path, request.encode, response.decode, {});
  const cancel = () => sent.cancel();
  sent.on("data", (message) => queue.push(message));
  sent.on("end", () => queue.end());
  sent.on("error", (error: ServiceError) => queue.end(signal.aborted ? undefined : error));
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for await (const { devices = [] } of queue) {
      if (devices.length > deviceLimit) throw new Error(`more devices than deviceLimit (${deviceLimit})`);
      yield devices.map(({ ID = "", health }) => ({ id: ID, healthy: health === "Healthy" }));
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

function grantOf(resource: string, granted: ContainerAllocateResponse): Grant {
  if (granted.cdiDevices?.length) {
    throw new RuntimeError("Unsupported", `${resource}: its plugin names CDI devices, which this node cannot make`);
  }
  return {
    env: Object.entries(granted.envs ?? {}).map(([name, value]) => ({ name, value })),
    mounts: [
      ...(granted.mounts ?? []).map(({ containerPath = "", hostPath = "", readOnly = false }) => {
        return { containerPath, hostPath, readonly: readOnly };
      }),
      ...(granted.devices ?? []).map(({ containerPath = "", hostPath = "", permissions = "" }) => {
        return { containerPath, hostPath, device: true, readonly: !permissions.includes("w") };
      }),
    ],
  };
}
