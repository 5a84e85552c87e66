import { type Reason, reasons, StatusError } from "@capstan/api/meta";
import { userInfoOf } from "../../authentication/index.ts";
import type { Attributes } from "../../request.ts";

/** The answer of a webhook. Source: admission.k8s.io/v1 AdmissionResponse. */
export interface AdmissionResponse {
  uid: string;
  allowed: boolean;
  status?: { code?: number; message?: string; reason?: string };
  /** Base64. */
  patch?: string;
  patchType?: string;
  warnings?: string[];
}

const resourceOf = ({ info: { group, version, resource } }: Attributes) => ({ group, version, resource });

/**
 * A write as webhooks and policies see it, without its objects.
 * @param asked the write as the client made it, where `attributes` show it in another version.
 */
export function requestOf(attributes: Attributes, asked = attributes): object {
  const { info, kind, name, namespace, operation, dryRun, options, principal } = attributes;
  const subResource = info.subresource || undefined;
  return {
    ...{ kind, resource: resourceOf(attributes), subResource },
    ...{ requestKind: asked.kind, requestResource: resourceOf(asked), requestSubResource: subResource },
    ...{ name: name || undefined, namespace: namespace || undefined, operation },
    userInfo: userInfoOf(principal),
    dryRun,
    options: Object.keys(options).length > 0 ? options : null,
  };
}

/** The versions of AdmissionReview that can be spoken. */
export const reviewVersions = ["v1", "v1beta1"];

/** A review in the first version that the webhook understands. */
export function reviewOf(
  attributes: Attributes,
  uid: string,
  asked: Attributes,
  understood: readonly string[] = [],
): { apiVersion: string } {
  const { object = null, oldObject = null } = attributes;
  const request = { uid, ...requestOf(attributes, asked), object, oldObject };
  const version = understood.find((one) => reviewVersions.includes(one)) ?? "v1";
  const body = { kind: "AdmissionReview", apiVersion: `admission.k8s.io/${version}`, request };
  return body;
}

/**
 * Answers in v1beta1 need to say neither whose they are nor of which type their patch is.
 * Throws Error when the answer is not one to this review. Source: apiserver's webhook/request.VerifyAdmissionResponse.
 */
export function readResponse(body: unknown, uid: string, version: string): AdmissionResponse {
  const strict = version === "admission.k8s.io/v1";
  const { kind, apiVersion, response } = (body ?? {}) as {
    kind?: string;
    apiVersion?: string;
    response?: AdmissionResponse;
  };
  if (strict && (kind !== "AdmissionReview" || apiVersion !== version)) {
    throw new Error(`expected webhook response of ${version}, Kind=AdmissionReview, got ${apiVersion}, Kind=${kind}`);
  }
  if (!response) throw new Error("webhook response was absent");
  if (!strict) return response.patch ? { ...response, patchType: "JSONPatch" } : response;
  if (response.uid !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid)}`);
  if (response.patch && response.patchType !== "JSONPatch")
    throw new Error(`invalid response.patchType ${JSON.stringify(response.patchType)}`);
  return response;
}

/** What the client gets when a webhook says no. Source: apiserver's webhook/errors.ToStatusErr. */
export function denial(webhook: string, status: AdmissionResponse["status"]): StatusError {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const why = status?.message || status?.reason;
  const code = status?.code && status.code >= 400 ? status.code : 400;
  const known = (Object.keys(reasons) as Reason[]).find((reason) => reason === status?.reason);
  const byCode = (Object.keys(reasons) as Reason[]).find((reason) => reasons[reason] === code);
  return new StatusError(
    known ?? byCode ?? "BadRequest",
    why ? `${by}: ${why}` : `${by} without explanation`,
    undefined,
    code,
  );
}
