import type { StatefulSet } from "@capstan/api/generated/apps-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import type { Workshop } from "../context.ts";
import { claimsOf } from "./identity.ts";

/** Makes the claims that a pod needs; what is there already (from an earlier pod of that number) is used again. */
export async function createClaims({ client, recorder }: Workshop, set: StatefulSet, ordinal: number): Promise<void> {
  for (const claim of claimsOf(set, ordinal)) {
    const { name } = claim.metadata;
    const what = `Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name}`;
    try {
      await client.create(PersistentVolumeClaims, claim);
      recorder.normal(set, "SuccessfulCreate", `create ${what} success`);
    } catch (error) {
      if (isReason(error, "AlreadyExists")) continue;
      recorder.warning(set, "FailedCreate", `create ${what} failed error: ${(error as Error).message}`);
      throw error;
    }
  }
}

/** With whenScaled Delete the claims of a pod that goes for good become its own, and go with it. */
export async function handOverClaims({ client }: Workshop, set: StatefulSet, pod: Pod, ordinal: number): Promise<void> {
  if (set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled !== "Delete") return;
  const { name, uid = "" } = pod.metadata;
  const ownerReferences = [{ apiVersion: "v1", kind: "Pod", name, uid }];
  for (const claim of claimsOf(set, ordinal)) {
    const ref = refOf({ metadata: { ...claim.metadata, name: claim.metadata.name ?? "" } });
    try {
      await client.patch(PersistentVolumeClaims, ref, { type: "merge", body: { metadata: { ownerReferences } } });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
  }
}
