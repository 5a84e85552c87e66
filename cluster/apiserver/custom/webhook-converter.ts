// Conversion between the versions of a custom kind by its webhook. Source: apiextensions' conversion.webhookConverter.
import { randomUUID } from "node:crypto";
import type { CustomResourceDefinition, WebhookConversion } from "@capstan/api/generated/apiextensions-v1";
import { type KubeObject, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Kind } from "../kind.ts";
import type { View } from "../request.ts";
import { postToWebhook } from "../webhook-client.ts";

export const reviewVersions = ["v1", "v1beta1"];

/** Seconds until a webhook must have answered. Source: the timeout of apiserver's webhook clients. */
const timeout = 30;
/** Bytes of the largest answer: a list's objects come in one. */
const largestAnswer = 64 * 1024 * 1024;

/** Undefined where the definition names no webhook, or has nothing to convert. */
export function webhookConverter(view: View, { spec }: CustomResourceDefinition): Kind["converter"] {
  const { strategy, webhook } = spec.conversion ?? {};
  if (strategy !== "Webhook" || !webhook || spec.versions.length < 2) return undefined;
  return (objects, apiVersion) => convert(view, webhook, objects, apiVersion);
}

async function convert(
  view: View,
  webhook: WebhookConversion,
  objects: readonly KubeObject[],
  apiVersion: string,
): Promise<KubeObject[]> {
  const result = [...objects];
  const places = objects.flatMap((object, i) => (object.apiVersion === apiVersion ? [] : [i]));
  const first = objects[places[0] ?? -1];
  if (!first) return result;
  const sent = places.map((i) => objects[i] as KubeObject);
  const [group = "", version = ""] = (first.apiVersion ?? "").split("/");
  const what = `conversion webhook for ${group}/${version}, Kind=${first.kind}`;
  const answered = await ask(view, webhook, sent, apiVersion).catch((thrown: unknown) => {
    throw new ConversionFailed(`${what} failed: ${messageOf(thrown)}`);
  });
  if (answered.length !== sent.length) {
    throw new ConversionFailed(`${what} returned ${answered.length} objects, expected ${sent.length}`);
  }
  for (const [n, place] of places.entries()) {
    const [original, converted] = [sent[n] as KubeObject, answered[n]];
    const problem = problemOf(original, converted, apiVersion);
    if (problem) throw new ConversionFailed(`${what} returned invalid converted object at index ${n}: ${problem}`);
    result[place] = restoreMetadata(original, converted as KubeObject);
  }
  return result;
}

interface Review {
  apiVersion?: string;
  kind?: string;
  response?: { uid?: string; convertedObjects?: unknown[]; result?: { status?: string; message?: string } };
}

async function ask(view: View, webhook: WebhookConversion, objects: KubeObject[], desired: string): Promise<unknown[]> {
  const version = webhook.conversionReviewVersions.find((one) => reviewVersions.includes(one));
  if (!version) throw new Error("no supported conversion review versions");
  const uid = randomUUID();
  const own = { apiVersion: `apiextensions.k8s.io/${version}`, kind: "ConversionReview" };
  const body = { ...own, request: { uid, desiredAPIVersion: desired, objects } };
  const post = { body, seconds: timeout, limit: largestAnswer };
  const review = (await postToWebhook(view, webhook.clientConfig ?? {}, post)) as Review | null;
  if (version === "v1" && (review?.apiVersion !== own.apiVersion || review.kind !== own.kind)) {
    const [group = "", got = ""] = (review?.apiVersion ?? "").split("/");
    const actual = `${group}/${got}, Kind=${review?.kind ?? ""}`;
    throw new Error(`expected webhook response of ${own.apiVersion}, Kind=ConversionReview, got ${actual}`);
  }
  const response = review?.response;
  if (!response) throw new Error("no response provided");
  if (version === "v1" && response.uid !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  }
  if (response.result?.status !== "Success") {
    throw new Error(
      response.result?.message || `response.result.status was '${response.result?.status ?? ""}', not 'Success'`,
    );
  }
  return response.convertedObjects ?? [];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Why what came back is not the object that was sent, in the other version. */
function problemOf(original: KubeObject, converted: unknown, apiVersion: string): string | undefined {
  if (!isObject(converted)) return "it is no object";
  const { metadata } = converted;
  if (converted.apiVersion !== apiVersion)
    return `invalid groupVersion (expected ${apiVersion}, received ${String(converted.apiVersion ?? "")})`;
  if (converted.kind !== original.kind)
    return `invalid kind (expected ${original.kind}, received ${String(converted.kind ?? "")})`;
  if (!isObject(metadata)) return "missing metadata in converted object";
  for (const [field, shown] of [
    ["name", "name"],
    ["namespace", "namespace"],
    ["uid", "UID"],
  ] as const) {
    const [before, after] = [original.metadata[field] ?? "", metadata[field] ?? ""];
    if (before !== after) return `must have the same ${shown}: ${before} != ${String(after)}`;
  }
  for (const field of ["labels", "annotations"]) {
    const map = metadata[field];
    if (map === undefined || map === null) continue;
    if (!isObject(map) || Object.values(map).some((value) => typeof value !== "string"))
      return `invalid metadata.${field}: must be a map of strings`;
  }
  return undefined;
}

/** Of the metadata a webhook may change the labels and the annotations. */
function restoreMetadata(original: KubeObject, converted: KubeObject): KubeObject {
  const { labels, annotations } = converted.metadata;
  const { labels: _labels, annotations: _annotations, ...rest } = structuredClone(original.metadata);
  const metadata = { ...rest, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  return { ...converted, metadata };
}

/** Upstream answers 500 without a reason. */
class ConversionFailed extends StatusError {
  constructor(message: string) {
    super("InternalError", message);
  }

  override toStatus(): ReturnType<StatusError["toStatus"]> {
    const { reason: _reason, ...status } = super.toStatus();
    return status;
  }
}
