import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@capstan/base/log";
import type { InstanceNetwork } from "../network/instance.ts";
import { openConnection, socketOf } from "./connection.ts";
import { RemoteDriver } from "./driver.ts";
import { RemoteImages } from "./images.ts";
import { instanceName, remoteDirectory } from "./place.ts";

/**
 * Removes what an agent that was killed left in a container runtime, with its mounts and cgroups.
 * @param dataDirs those of the instance's nodes, the instance's own first.
 * @returns whether there was anything. @throws RuntimeError when the runtime does not answer.
 */
export async function removeRemoteLeftovers(dataDirs: string[], log: Logger): Promise<boolean> {
  const [root = ""] = dataDirs;
  const network = JSON.parse(readFileSync(join(root, "network.json"), "utf8")) as InstanceNetwork;
  let found = false;
  for (const dataDir of dataDirs) {
    const directory = remoteDirectory(dataDir);
    const file = join(directory, "endpoint");
    if (!existsSync(file)) continue;
    const connection = openConnection(socketOf(readFileSync(file, "utf8")));
    const images = new RemoteImages({ connection, log });
    const instance = instanceName(network, dataDir);
    const driver = new RemoteDriver({ connection, images, directory, instance, log });
    try {
      await driver.open("cri");
      found ||= driver.listPodSandboxes().length > 0;
      await driver.close();
    } finally {
      connection.close();
    }
    rmSync(file);
  }
  return found;
}
