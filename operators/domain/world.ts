import type { OwnerReference } from "@capstan/api/generated/meta-v1";
import { type Domain, Domains } from "@capstan/api/kinds/domain";
import { apiVersionOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { Informers } from "@capstan/core/reconcile";

/** What every part of the operator works with. */
export interface World {
  client: Client;
  informers: Informers;
}

/** For objects that the garbage collector takes with the Domain. */
export function ownerOf({ metadata: { name, uid = "" } }: Domain): OwnerReference {
  return { apiVersion: apiVersionOf(Domains), kind: Domains.kind, name, uid, controller: true };
}
