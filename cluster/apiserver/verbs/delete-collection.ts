import type { KubeObject } from "@capstan/api/meta";
import { isReason } from "@capstan/api/meta";
import type { Call, Core } from "./call.ts";
import { readDeleteOptions, removeOne } from "./delete.ts";
import { type Listing, list } from "./list.ts";

/** Deletes all that the list would answer; what another caller deletes meanwhile does not matter. */
export async function removeCollection(core: Core, call: Call): Promise<Listing> {
  const options = await readDeleteOptions(call);
  const listing = await list(core, call);
  for (const record of listing.records) {
    const { metadata } = core.objects.read(call.kind, record) as KubeObject;
    const info = { ...call.info, name: metadata.name, namespace: metadata.namespace ?? call.info.namespace };
    try {
      await removeOne(core, { ...call, info }, structuredClone(options));
    } catch (thrown) {
      if (!isReason(thrown, "NotFound")) throw thrown;
    }
  }
  return listing;
}
