import { isReason, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import type { Client } from "./client.ts";

/** Creates an object unless one of its name is there, which is left as it is. @returns whether it was made. */
export async function createIfAbsent<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  object: New<T>,
): Promise<boolean> {
  try {
    await client.create(resource, object);
    return true;
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
    return false;
  }
}
