// The HTTPS side: AdmissionReviews of v1 and v1beta1 in, and out again with the answer in them.
import { messageOf } from "@capstan/base/errors";
import type { Handler, HttpResponse } from "@capstan/base/http";
import type { CompiledPolicy } from "./policy.ts";
import { type AdmissionRequest, mutate, type Verdict, validate } from "./review.ts";

export interface WebhookOptions {
  /** In order of their names. */
  policies(): CompiledPolicy[];
  /** The part of the path that only the API server knows. */
  secret: string;
}

interface Review {
  apiVersion: string;
  request: AdmissionRequest;
}

const looks = { mutate, validate };
const versions = new Set(["admission.k8s.io/v1", "admission.k8s.io/v1beta1"]);

/** POST /mutate/<secret> and /validate/<secret>. */
export function createWebhook({ policies, secret }: WebhookOptions): Handler {
  return async ({ method, url, headers, body }) => {
    const [, action = "", given = ""] = new URL(url, "https://webhook").pathname.split("/");
    const look = looks[action as keyof typeof looks];
    if (!look) return plain(404, `there is no ${action || "page"} here: reviews go to /mutate and /validate`);
    if (!sameText(given, secret)) return plain(401, "the path lacks the secret that the webhook's configuration has");
    if (method !== "POST") return plain(405, "a review is POSTed");
    if (!body || body.length === 0) return plain(400, "empty body");
    const type = headers["content-type"] ?? "";
    if (type.split(";")[0]?.trim() !== "application/json") {
      return plain(415, "invalid Content-Type, expect `application/json`");
    }
    let review: Review;
    try {
      review = readReview(body);
    } catch (error) {
      return json({
        kind: "AdmissionReview",
        apiVersion: "admission.k8s.io/v1",
        response: refusal("", messageOf(error)),
      });
    }
    const { apiVersion, request } = review;
    return json({ kind: "AdmissionReview", apiVersion, response: responseOf(request, look(request, policies())) });
  };
}

/** @throws what is wrong with it */
function readReview(body: Uint8Array): Review {
  const read: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  const { kind, apiVersion = "", request } = (read ?? {}) as Partial<Review> & { kind?: string };
  if (kind !== "AdmissionReview" || !versions.has(apiVersion)) {
    throw new Error(`expected an AdmissionReview of ${[...versions].join(" or ")}, got ${apiVersion}, Kind=${kind}`);
  }
  if (typeof request !== "object" || request === null || typeof request.uid !== "string" || request.uid === "") {
    throw new Error("the AdmissionReview has no request with a uid");
  }
  return { apiVersion, request };
}

function responseOf({ uid }: AdmissionRequest, { refusal: why, patch, warnings }: Verdict): object {
  const told = warnings.length > 0 ? { warnings } : {};
  if (why) return { ...refusal(uid, why, 403), ...told };
  if (patch.length === 0) return { uid, allowed: true, ...told };
  const encoded = Buffer.from(JSON.stringify(patch)).toString("base64");
  return { uid, allowed: true, patchType: "JSONPatch", patch: encoded, ...told };
}

function refusal(uid: string, message: string, code = 400): object {
  return { uid, allowed: false, status: { code, message, reason: code === 403 ? "Forbidden" : "BadRequest" } };
}

function json(value: object): HttpResponse {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

function plain(status: number, text: string): HttpResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}

/** Takes as long whatever the first difference is. */
function sameText(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
