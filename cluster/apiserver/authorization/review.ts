import type {
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from "@capstan/api/generated/authorization-v1";
import { invalid, type KubeObject } from "@capstan/api/meta";
import type { Principal } from "@capstan/base/http";
import type { Endpoint, EndpointCall } from "../request.ts";
import type { Access } from "./access.ts";
import type { Rbac } from "./rbac.ts";

const group = "authorization.k8s.io";
const apiVersion = `${group}/v1`;

/** May somebody do something, may I, what may I: the SubjectAccessReview family. */
export function createReviewEndpoints(rbac: Rbac): Endpoint[] {
  const review = (
    resource: string,
    kind: string,
    who: (call: EndpointCall, spec: SubjectAccessReviewSpec) => Principal,
  ): Endpoint => ({
    group,
    version: "v1",
    resource,
    subresource: "",
    create: async (call) => {
      const asked = call.object as SubjectAccessReview;
      const spec = asked.spec ?? {};
      check(kind, spec, call);
      const decision = rbac.authorize(accessOf(who(call, spec), spec));
      const status: SubjectAccessReviewStatus = { allowed: decision.allowed };
      if (decision.reason) status.reason = decision.reason;
      return { kind, apiVersion, metadata: asked.metadata ?? {}, spec, status };
    },
  });
  const given = (_: EndpointCall, { user = "", groups = [], uid, extra }: SubjectAccessReviewSpec) => ({
    name: user,
    groups,
    uid,
    extra,
  });
  const rules: Endpoint = {
    group,
    version: "v1",
    resource: "selfsubjectrulesreviews",
    subresource: "",
    create: async ({ object, principal }) => listRules(rbac, object as SelfSubjectRulesReview, principal),
  };
  return [
    review("subjectaccessreviews", "SubjectAccessReview", given),
    review("localsubjectaccessreviews", "LocalSubjectAccessReview", given),
    review("selfsubjectaccessreviews", "SelfSubjectAccessReview", ({ principal }) => principal),
    rules,
  ];
}

function check(kind: string, spec: SubjectAccessReviewSpec, { info }: EndpointCall): void {
  const fail = (field: string, message: string) => {
    // Reviews are no objects with a kind: upstream leaves it out.
    throw invalid({ group, kind: "" }, "", [{ field, message, reason: "FieldValueInvalid" }]);
  };
  const attributes = spec.resourceAttributes;
  if (attributes && spec.nonResourceAttributes) {
    const { path = "", verb = "" } = spec.nonResourceAttributes;
    const shown = JSON.stringify({ Path: path, Verb: verb });
    fail(
      "spec.nonResourceAttributes",
      `Invalid value: ${shown}: cannot be specified in combination with resourceAttributes`,
    );
  }
  if (!attributes && !spec.nonResourceAttributes) {
    fail(
      "spec.resourceAttributes",
      "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
  }
  if (kind !== "SelfSubjectAccessReview" && !spec.user && !spec.groups?.length) {
    fail("spec.user", 'Invalid value: "": at least one of user or group must be specified');
  }
  if (kind === "LocalSubjectAccessReview" && attributes?.namespace !== info.namespace) {
    fail(
      "spec.resourceAttributes.namespace",
      `Invalid value: ${JSON.stringify(attributes?.namespace ?? "")}: must match metadata.namespace`,
    );
  }
}

function accessOf(
  principal: Principal,
  { resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec,
): Access {
  const { verb = "", path = "" } = nonResourceAttributes ?? {};
  const none = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
  if (!resourceAttributes) return { principal, isResource: false, verb, path, ...none };
  const { fieldSelector: _, labelSelector: __, verb: does = "", ...rest } = resourceAttributes;
  return { principal, isResource: true, path: "", verb: does, ...none, ...rest };
}

function listRules(rbac: Rbac, review: SelfSubjectRulesReview, principal: Principal): KubeObject & { status: object } {
  const namespace = review.spec?.namespace ?? "";
  if (namespace === "") {
    throw invalid({ group, kind: "SelfSubjectRulesReview" }, "", [
      { field: "spec.namespace", message: "Required value: namespace is required", reason: "FieldValueRequired" },
    ]);
  }
  const { grants, errors } = rbac.grants(principal, namespace);
  const rules = grants.flatMap((grant) => grant.rules);
  const resourceRules = rules.flatMap(({ verbs, apiGroups, resources, resourceNames }) =>
    resources?.length ? [{ verbs, apiGroups, resources, ...(resourceNames?.length ? { resourceNames } : {}) }] : [],
  );
  const nonResourceRules = rules.flatMap(({ verbs, nonResourceURLs }) =>
    nonResourceURLs?.length ? [{ verbs, nonResourceURLs }] : [],
  );
  const status = { resourceRules, nonResourceRules, incomplete: errors.length > 0 };
  return {
    kind: "SelfSubjectRulesReview",
    apiVersion,
    metadata: review.metadata ?? { name: "" },
    spec: review.spec,
    status: errors.length > 0 ? { ...status, evaluationError: errors.join(", ") } : status,
  } as KubeObject & { status: object };
}
