// Objects that the platform brings: made when missing, renewed when this version of Capstan brings another.
import { isReason, type KubeObject, type New, type Resource, refOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";

const digestKey = "capstan.dev/installed";

/** @param bare what to create, whole but for what the server adds. An object that is as installed before is left alone. */
export async function install<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  bare: New<T>,
): Promise<void> {
  const digest = await digestOf(bare);
  const annotations = { ...bare.metadata.annotations, [digestKey]: digest };
  const marked = { ...bare, metadata: { ...bare.metadata, annotations } };
  for (;;) {
    const present = await client.find(resource, refOf(bare as KubeObject));
    if (present?.metadata.annotations?.[digestKey] === digest) return;
    try {
      if (present)
        await client.update(resource, { ...present, ...marked, metadata: { ...present.metadata, annotations } } as T);
      else await client.create(resource, marked);
      return;
    } catch (error) {
      // Another process does the same at this moment.
      if (!isReason(error, "AlreadyExists", "Conflict")) throw error;
    }
  }
}

/** Whether an object came from here, whatever version it is of. */
export const isInstalled = ({ metadata }: KubeObject): boolean => metadata.annotations?.[digestKey] !== undefined;

async function digestOf(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes))
    .toString("hex")
    .slice(0, 16);
}
