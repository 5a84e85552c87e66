// The vendor's side of the device plugin contract, over real gRPC.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Descriptor, readCodecs } from "@capstan/core/wire/grpc";
import { Client, credentials, Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import type { Device, RegisterRequest } from "../../cluster/node/devices/generated/device-plugin.ts";

const descriptor = readFileSync(
  new URL("../../cluster/node/devices/generated/device-plugin.json", import.meta.url),
  "utf8",
);
const codecs = readCodecs(JSON.parse(descriptor) as Descriptor);

function method(name: string) {
  const codec = codecs.get(name);
  assert.ok(codec, name);
  return {
    path: codec.path,
    requestStream: false,
    responseStream: codec.stream,
    requestSerialize: codec.request.encode,
    requestDeserialize: codec.request.decode,
    responseSerialize: codec.response.encode,
    responseDeserialize: codec.response.decode,
  };
}

/** A vendor's plugin: gives `DEV=<ids>` and the device /dev/dongle, prefers the last devices, and counts its calls. */
export class DeviceVendor {
  readonly calls: string[] = [];
  readonly #server = new Server();
  readonly #watchers = new Set<ServerWritableStream<object, object>>();
  #devices: Device[];

  constructor(devices: Device[]) {
    this.#devices = devices;
    const of = (name: string) => method(`v1beta1.DevicePlugin/${name}`);
    const names = ["GetDevicePluginOptions", "ListAndWatch", "GetPreferredAllocation", "Allocate", "PreStartContainer"];
    this.#server.addService(Object.fromEntries(names.map((name) => [name, of(name)])), {
      GetDevicePluginOptions: (_call: unknown, answer: (error: null, value: object) => void) =>
        answer(null, { preStartRequired: true, getPreferredAllocationAvailable: true }),
      ListAndWatch: (stream: ServerWritableStream<object, object>) => {
        this.#watchers.add(stream);
        stream.write({ devices: this.#devices });
      },
      GetPreferredAllocation: (
        { request }: { request: { containerRequests: [{ availableDeviceIDs: string[]; allocationSize: number }] } },
        answer: (error: null, value: object) => void,
      ) => {
        const [{ availableDeviceIDs, allocationSize }] = request.containerRequests;
        answer(null, { containerResponses: [{ deviceIDs: availableDeviceIDs.toReversed().slice(0, allocationSize) }] });
      },
      Allocate: (
        { request }: { request: { containerRequests: [{ devicesIds: string[] }] } },
        answer: (error: null, value: object) => void,
      ) => {
        const [{ devicesIds }] = request.containerRequests;
        this.calls.push(`allocate ${devicesIds}`);
        const envs = { DEV: devicesIds.join(",") };
        answer(null, {
          containerResponses: [
            { envs, devices: [{ containerPath: "/dev/dongle", hostPath: "/dev/null", permissions: "rw" }] },
          ],
        });
      },
      PreStartContainer: (
        { request }: { request: { devicesIds: string[] } },
        answer: (error: null, value: object) => void,
      ) => {
        this.calls.push(`start ${request.devicesIds}`);
        answer(null, {});
      },
    });
  }

  async listen(socket: string): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  }

  set(devices: Device[]): void {
    this.#devices = devices;
    for (const watcher of this.#watchers) watcher.write({ devices });
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

export async function registerPlugin(directory: string, request: RegisterRequest): Promise<void> {
  const client = new Client(`unix:${join(directory, "kubelet.sock")}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = method("v1beta1.Registration/Register");
  try {
    await new Promise<void>((resolve, reject) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error) =>
        error ? reject(new Error(error.details)) : resolve(),
      ),
    );
  } finally {
    client.close();
  }
}
