import type { Pod } from "@capstan/api/generated/core-v1";
import { RuntimeClasses } from "@capstan/api/generated/resources";
import type { Client } from "@capstan/core/client";

/** What containerd and CRI-O call the handler that isolates as containers are isolated everywhere. */
const usual = "runc";

/**
 * Throws, as a kubelet does, when a pod's RuntimeClass asks for a handler that this node has not got: it must not run with
 * less than was asked for. The node has one handler, which classes call by its runtime's name or as the usual one.
 */
export async function checkRuntimeClass({ spec }: Pod, client: Client, runtimeName: string): Promise<void> {
  const name = spec?.runtimeClassName;
  if (!name) return;
  const found = await client.find(RuntimeClasses, { name });
  if (!found) throw new Error(`RuntimeClass ${JSON.stringify(name)} is not there`);
  const { handler } = found;
  if (handler === runtimeName || handler === usual) return;
  throw new Error(
    `RuntimeClass ${JSON.stringify(name)}: no runtime for ${JSON.stringify(handler)} is configured: this node has ${JSON.stringify(usual)} alone`,
  );
}
