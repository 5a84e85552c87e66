// Whether the server behind an APIService answers. Source: kube-aggregator's availableConditionController.
import type { APIService } from "@capstan/api/generated/apiregistration-v1";
import { EndpointSlices, Services } from "@capstan/api/generated/resources";
import { messageOf } from "@capstan/base/errors";
import type { HttpResponse } from "@capstan/base/http";
import type { View } from "../request.ts";
import { type Description, hashIn, swaggerPart } from "./descriptions.ts";
import type { APIResourceList } from "./discovered.ts";
import { type FrontProxy, forwardRemote } from "./remote.ts";
import type { Availability } from "./rules.ts";

/** Milliseconds that a server has to answer. */
const patience = 5000;
/** Bytes of the longest list of resources. */
const longest = 3 * 1024 * 1024;

export interface Checked {
  availability: Availability;
  /** What it serves, when it answered. */
  resources?: APIResourceList;
}

const unavailable = (reason: string, message: string): Checked => ({
  availability: { status: "False", reason, message },
});

export async function check(
  view: View,
  service: APIService,
  front: FrontProxy | undefined,
  signal: AbortSignal,
): Promise<Checked> {
  const { group = "", version = "", service: reference } = service.spec ?? {};
  const { namespace = "", name = "", port = 443 } = reference ?? {};
  const found = view.get(Services, { namespace, name });
  if (!found) return unavailable("ServiceNotFound", `service/${name} in "${namespace}" is not present`);
  if (found.spec.type !== "ExternalName") {
    const wanted = found.spec.ports?.find((one) => one.port === port);
    if (!wanted) {
      return unavailable("ServicePortError", `service/${name} in "${namespace}" is not listening on port ${port}`);
    }
    if (!hasEndpoint(view, namespace, name)) {
      const shown = wanted.name ? ` with port name "${wanted.name}"` : "";
      return unavailable(
        "MissingEndpoints",
        `endpoints for service/${name} in "${namespace}" have no addresses${shown}`,
      );
    }
  }
  const url = `/apis/${group}/${version}`;
  const over = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  const principal = { name: "system:kube-aggregator", groups: ["system:masters"] };
  try {
    const request = { method: "GET", url, headers: { accept: "application/json" }, signal: over };
    const answer = await forwardRemote(view, service, request, { principal, front });
    const text = await readAll(answer);
    if (answer.status !== 200) throw new Error(`bad status from ${url}: ${answer.status}`);
    const resources = JSON.parse(text) as APIResourceList;
    return {
      availability: { status: "True", reason: "Passed", message: "all checks passed" },
      resources,
    };
  } catch (thrown) {
    return unavailable("FailedDiscoveryCheck", `failing or missing response from ${url}: ${messageOf(thrown)}`);
  }
}

/** Bytes of the longest description. */
const longestDescription = 32 * 1024 * 1024;

/** What a server says of itself. One that says nothing, or nothing that can be read, goes without. */
export async function describe(
  view: View,
  service: APIService,
  front: FrontProxy | undefined,
  signal: AbortSignal,
): Promise<Description> {
  const { group = "", version = "" } = service.spec ?? {};
  const principal = { name: "system:aggregator", groups: ["system:masters"] };
  const read = async (url: string): Promise<unknown> => {
    const over = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const request = { method: "GET", url, headers: { accept: "application/json" }, signal: over };
    try {
      const answer = await forwardRemote(view, service, request, { principal, front });
      const text = await readAll(answer, longestDescription);
      return answer.status === 200 ? JSON.parse(text) : undefined;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return undefined;
    }
  };
  const [index, swagger] = [await read("/openapi/v3"), await read("/openapi/v2")];
  const hash = hashIn(index, `apis/${group}/${version}`);
  const part = swaggerPart(swagger, `${group}/${version}`);
  return { ...(hash === undefined ? {} : { hash }), ...(part ? { swagger: part } : {}) };
}

const hasEndpoint = (view: View, namespace: string, name: string): boolean =>
  view
    .list(EndpointSlices, namespace)
    .some(
      ({ metadata, endpoints }) =>
        metadata.labels?.["kubernetes.io/service-name"] === name &&
        endpoints?.some(({ conditions }) => conditions?.ready !== false),
    );

async function readAll({ body }: HttpResponse, limit = longest): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error(`its answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
