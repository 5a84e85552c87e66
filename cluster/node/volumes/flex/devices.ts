// Devices of drivers that attach: held by the node once, whatever the number of pods that mount from them.
// Source: k8s.io/kubernetes pkg/volume/flexvolume attacher.go, detacher.go; the agent attaches as a kubelet without
// --enable-controller-attach-detach does.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMounted, mountDevice, unmount } from "../mount-table.ts";
import { NotSupported } from "./call.ts";
import type { Driver, Drivers } from "./drivers.ts";
import { type FlexRequest, toJson, volumeOptions } from "./request.ts";

interface DeviceRecord {
  driver: string;
  /** Directory of the driver's installation. */
  plugins: string;
  volumeName: string;
  device: string;
}

export interface DevicesOptions {
  drivers: Drivers;
  nodeName: string;
  directory: string;
  /** Whether a pod is still recorded as a user of the device. */
  used(key: string): boolean;
}

/** Undefined where the driver has no such call. */
async function supported<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof NotSupported) return undefined;
    throw error;
  }
}

export class Devices {
  readonly #options: DevicesOptions;
  /** Ends of what is in hand with each device: one thing at a time. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Devices that this agent knows to be attached. */
  readonly #attached = new Set<string>();
  readonly #names = new Map<string, string>();

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  /** What tells two volumes of a driver apart; the driver's own name for it if it has one. */
  async keyOf(driver: Driver, request: FlexRequest, signal: AbortSignal): Promise<string> {
    const named = await supported(driver.call(["getvolumename", toJson(volumeOptions(request))], signal));
    const volumeName = named?.volumeName || request.name;
    const key = createHash("sha256").update(`${driver.name} ${volumeName}`).digest("hex").slice(0, 32);
    this.#names.set(key, volumeName);
    return key;
  }

  /** Attaches the device and mounts it once for all pods. @returns where. */
  hold(key: string, driver: Driver, request: FlexRequest, signal: AbortSignal): Promise<string> {
    return this.#inTurn(key, async () => {
      const { nodeName } = this.#options;
      const options = toJson(volumeOptions(request));
      const path = this.#path(key);
      mkdirSync(path, { recursive: true, mode: 0o750 });
      let record = this.#read(key);
      if (record && !this.#attached.has(key)) {
        // An earlier agent attached it: the driver knows whether that still holds.
        const answer = await supported(driver.call(["isattached", options, nodeName], signal));
        if (answer && !answer.attached) record = undefined;
      }
      if (!record) {
        const volumeName = this.#names.get(key) ?? request.name;
        const plugins = this.#options.drivers.directory;
        const found: DeviceRecord = { driver: driver.name, plugins, volumeName, device: "" };
        this.#write(key, found);
        const attached = await supported(driver.call(["attach", options, nodeName], signal));
        found.device = attached?.device ?? "";
        const waited = await supported(driver.call(["waitforattach", found.device, options], signal));
        if (waited?.device) found.device = waited.device;
        this.#write(key, found);
        record = found;
      }
      this.#attached.add(key);
      if (isMounted(path)) return path;
      const mounted = await supported(driver.call(["mountdevice", path, record.device, options], signal));
      if (!mounted && record.device) {
        await mountDevice(record.device, path, request.fsType || "ext4", request.readOnly);
      }
      return path;
    });
  }

  /** Unmounts and detaches the device when no pod needs it any more. */
  letGo(key: string): Promise<void> {
    return this.#inTurn(key, async () => {
      const record = this.#read(key);
      if (!record || this.#options.used(key)) return;
      const { drivers, nodeName } = this.#options;
      const path = this.#path(key);
      const driver = await drivers.of(record.plugins).find(record.driver);
      await supported(driver.call(["unmountdevice", path]));
      if (isMounted(path)) await unmount(path);
      await supported(driver.call(["detach", record.volumeName, nodeName]));
      this.#attached.delete(key);
      rmSync(this.#recordPath(key), { force: true });
      if (existsSync(path)) rmdirSync(path);
    });
  }

  #inTurn<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const mine = before.then(act, act);
    const settled = Promise.allSettled([mine]);
    this.#turns.set(key, settled);
    void settled.then(() => {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    });
    return mine;
  }

  #path = (key: string) => join(this.#options.directory, "mounts", key);
  #recordPath = (key: string) => join(this.#options.directory, `${key}.json`);

  #read(key: string): DeviceRecord | undefined {
    const path = this.#recordPath(key);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as DeviceRecord) : undefined;
  }

  #write(key: string, record: DeviceRecord): void {
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o750 });
    writeFileSync(this.#recordPath(key), JSON.stringify(record), { mode: 0o600 });
  }
}
