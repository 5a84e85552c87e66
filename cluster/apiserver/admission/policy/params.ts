import type { ParamKind, ParamRef } from "@capstan/api/generated/admissionregistration-v1";
import { type KubeObject, selects } from "@capstan/api/meta";
import type { Attributes, View } from "../../request.ts";

/** Nothing serves the kind that a policy takes its parameters from. */
export class UnknownParamKind extends Error {
  constructor({ apiVersion, kind }: ParamKind) {
    super(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
    this.name = "UnknownParamKind";
  }
}

/**
 * The objects that a binding parameterizes its policy with: one evaluation for each, [undefined] for one without.
 * Throws UnknownParamKind, and an Error when there are none and the binding says that this denies.
 * Source: apiserver's policy/generic CollectParams.
 */
export function findParams(
  view: View,
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  { namespace }: Attributes,
): (KubeObject | undefined)[] {
  if (!kind) return [undefined];
  const [first = "", second] = (kind.apiVersion ?? "").split("/");
  const [group, version] = second === undefined ? ["", first] : [first, second];
  const resource = view.resourceOfKind(group, version, kind.kind ?? "");
  if (!resource) throw new UnknownParamKind(kind);
  if (!ref) return [undefined];
  if (!resource.namespaced && ref.namespace)
    throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  const within = resource.namespaced ? ref.namespace || namespace : undefined;
  if (within === "")
    throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  const found = ref.name
    ? [view.get<KubeObject>(resource, { name: ref.name, ...(within ? { namespace: within } : {}) })]
    : view.list<KubeObject>(resource, within).filter(({ metadata }) => selects(ref.selector ?? {}, metadata.labels));
  const present = found.filter((object) => object !== undefined);
  if (present.length === 0 && ref.parameterNotFoundAction === "Deny") {
    throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  return present.map((object) => ({ ...object, apiVersion: kind.apiVersion as string, kind: kind.kind as string }));
}
