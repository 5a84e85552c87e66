import type { Logger } from "@capstan/base/log";
import type { Connection } from "./connection.ts";
import type { Mirror } from "./mirror.ts";
import type { ContainerRecord, Records, SandboxRecord } from "./records.ts";
import { instanceLabel, keyAnnotation } from "./sandbox-message.ts";

export interface AdoptOptions {
  connection: Connection;
  instance: string;
  mirror: Mirror;
  sandboxes: Records<SandboxRecord>;
  containers: Records<ContainerRecord>;
  log: Logger;
}

/**
 * Takes in what an earlier agent of the instance left in the runtime, and removes there what it had no time to write down.
 * @returns records of what never came to be, or is gone
 */
export async function adopt(
  options: AdoptOptions,
): Promise<{ sandboxes: SandboxRecord[]; containers: ContainerRecord[] }> {
  const { connection, instance, mirror, log } = options;
  const filter = { labelSelector: { [instanceLabel]: instance } };
  const [{ items = [] }, { containers = [] }] = await Promise.all([
    connection.call("runtime.v1.RuntimeService/ListPodSandbox", { filter }),
    connection.call("runtime.v1.RuntimeService/ListContainers", { filter }),
  ]);
  const sandboxRecords = options.sandboxes.read();
  const containerRecords = options.containers.read();
  for (const { id = "", annotations = {} } of items) {
    const record = sandboxRecords.get(annotations[keyAnnotation] ?? "");
    if (record) {
      await mirror.addSandbox(id, record);
      sandboxRecords.delete(record.key);
    } else {
      log.info("a sandbox without a record is removed", { id });
      await connection.call("runtime.v1.RuntimeService/StopPodSandbox", { podSandboxId: id });
      await connection.call("runtime.v1.RuntimeService/RemovePodSandbox", { podSandboxId: id });
    }
  }
  for (const { id = "", podSandboxId = "", annotations = {} } of containers) {
    const record = containerRecords.get(annotations[keyAnnotation] ?? "");
    if (!mirror.sandboxes.has(podSandboxId)) continue;
    if (record) {
      await mirror.addContainer(id, record, false);
      containerRecords.delete(record.key);
    } else await connection.call("runtime.v1.RuntimeService/RemoveContainer", { containerId: id });
  }
  return { sandboxes: [...sandboxRecords.values()], containers: [...containerRecords.values()] };
}
