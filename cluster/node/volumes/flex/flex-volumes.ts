// FlexVolumes of the pods of a node: attached and mounted before a pod starts, given back when it is gone.
// A record of each lies beside the pod's files before its driver is asked to mount: whatever happens to the agent, the
// next one finds what there is to unmount.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@capstan/base/errors";
import type { Client } from "@capstan/core/client";
import { bindMount, isMounted, unmount } from "../mount-table.ts";
import { NotSupported } from "./call.ts";
import { Devices } from "./devices.ts";
import type { Driver, Drivers } from "./drivers.ts";
import { type FlexRequest, mountOptions, toJson } from "./request.ts";

interface FlexRecord {
  volume: string;
  driver: string;
  /** Directory of the driver's installation. */
  plugins: string;
  directory: string;
  /** Key of the device that it is mounted from; absent for drivers that attach nothing. */
  device?: string;
  /** It is unmounted; only its device has still to be let go. */
  unmounted?: boolean;
}

export interface FlexVolumesOptions {
  drivers: Drivers;
  nodeName: string;
  /** Directory of all pods' files; devices are kept beside it. */
  podsDirectory: string;
}

export class FlexVolumes {
  readonly #drivers: Drivers;
  readonly #devices: Devices;
  readonly #pods: string;

  constructor({ drivers, nodeName, podsDirectory }: FlexVolumesOptions) {
    this.#drivers = drivers;
    this.#pods = podsDirectory;
    this.#devices = new Devices({
      drivers,
      nodeName,
      directory: join(podsDirectory, "../flexvolume"),
      used: (key) => this.#records().some(({ device, unmounted }) => device === key && !unmounted),
    });
  }

  /**
   * Mounts the volume at `directory`; does nothing when that is done.
   * @returns whether the driver leaves it to the node to give the files to the pod's group.
   */
  async mount(
    podRoot: string,
    directory: string,
    request: FlexRequest,
    client: Client,
    signal: AbortSignal,
  ): Promise<boolean> {
    const driver = await this.#drivers.find(request.driver);
    if (isMounted(directory)) return driver.capabilities.fsGroup;
    const options = toJson(await mountOptions(client, request));
    const record: FlexRecord = {
      volume: request.volume,
      driver: request.driver,
      plugins: this.#drivers.directory,
      directory,
    };
    let source: string | undefined;
    if (driver.capabilities.attach) {
      const key = await this.#devices.keyOf(driver, request, signal);
      this.#write(podRoot, { ...record, device: key });
      source = await this.#devices.hold(key, driver, request, signal);
    } else this.#write(podRoot, record);
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    try {
      await driver.call(["mount", directory, options], signal);
    } catch (error) {
      if (!(error instanceof NotSupported) || source === undefined) throw error;
      await bindMount(source, directory, request.readOnly);
    }
    return driver.capabilities.fsGroup;
  }

  /** Unmounts what a pod has. @throws when something is left: to be called again. */
  async release(podRoot: string): Promise<void> {
    const problems: string[] = [];
    for (const record of readRecords(podRoot)) {
      try {
        const { device } = record;
        if (!record.unmounted) await this.#unmount(record);
        this.#write(podRoot, { ...record, unmounted: true });
        if (device) await this.#devices.letGo(device);
        rmSync(recordPath(podRoot, record.volume), { force: true });
      } catch (error) {
        problems.push(`UnmountVolume.TearDown failed for volume "${record.volume}" : ${messageOf(error)}`);
      }
    }
    if (problems.length > 0) throw new Error(problems.join("; "));
  }

  /** Unmounts everything: no container runs any more. Each pod's volumes are mounted again when it starts again. */
  async releaseAll(): Promise<string[]> {
    const names = existsSync(this.#pods) ? readdirSync(this.#pods) : [];
    const ends = await Promise.allSettled(names.map((name) => this.release(join(this.#pods, name))));
    return ends.flatMap((end) => (end.status === "rejected" ? [messageOf(end.reason)] : []));
  }

  /** A driver that is gone, or has no such call, leaves it to the node. */
  async #unmount({ driver: name, plugins, directory }: FlexRecord): Promise<void> {
    let driver: Driver | undefined;
    try {
      driver = await this.#drivers.of(plugins).find(name);
      await driver.call(["unmount", directory]);
    } catch (error) {
      // Where nothing is mounted there is nothing that only the driver could undo.
      if (driver && !(error instanceof NotSupported) && isMounted(directory)) throw error;
    }
    if (isMounted(directory)) await unmount(directory);
    if (existsSync(directory)) removeEmpty(directory);
  }

  #records(): FlexRecord[] {
    if (!existsSync(this.#pods)) return [];
    return readdirSync(this.#pods).flatMap((name) => readRecords(join(this.#pods, name)));
  }

  #write(podRoot: string, record: FlexRecord): void {
    mkdirSync(join(podRoot, recordsName), { recursive: true, mode: 0o750 });
    writeFileSync(recordPath(podRoot, record.volume), JSON.stringify(record), { mode: 0o600 });
  }
}

const recordsName = "flexvolumes";

const recordPath = (podRoot: string, volume: string) => join(podRoot, recordsName, `${volume}.json`);

function readRecords(podRoot: string): FlexRecord[] {
  const directory = join(podRoot, recordsName);
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const text = readFileSync(join(directory, name), "utf8");
    try {
      return [JSON.parse(text) as FlexRecord];
    } catch (error) {
      // Cut off while it was written: nothing was mounted yet.
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  });
}

/** Drivers may put files where they mount nothing: those go with the pod's own. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!["ENOTEMPTY", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
