import type { ParamKind, ParamRef } from "@capstan/api/generated/admissionregistration-v1";
import { type KubeObject, selects } from "@capstan/api/meta";
import type { Attributes, View } from "../../request.ts";

/**
 * The objects that a binding parameterizes its policy with: one evaluation for each, [undefined] for one without.
 * Throws an Error when there are none and the binding says that this denies.
 */
export function findParams(
  view: View,
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  { namespace }: Attributes,
): (KubeObject | undefined)[] {
  if (!kind || !ref) return [undefined];
  const [first = "", second] = (kind.apiVersion ?? "").split("/");
  const [group, version] = second === undefined ? ["", first] : [first, second];
  const resource = view.resourceOfKind(group, version, kind.kind ?? "");
  if (!resource) throw new Error(`paramKind: nothing serves ${kind.apiVersion} ${kind.kind}`);
  const within = resource.namespaced ? ref.namespace || namespace : undefined;
  const found = ref.name
    ? [view.get<KubeObject>(resource, { name: ref.name, ...(within ? { namespace: within } : {}) })]
    : view.list<KubeObject>(resource, within).filter(({ metadata }) => selects(ref.selector ?? {}, metadata.labels));
  const present = found.filter((object) => object !== undefined);
  if (present.length === 0 && ref.parameterNotFoundAction !== "Allow") {
    throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  return present;
}
