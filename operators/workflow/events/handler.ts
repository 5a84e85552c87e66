// POST /api/v1/events/<namespace>/<discriminator>: events come in here, from people and from other systems.
import { ServiceAccounts } from "@capstan/api/generated/resources";
import { TokenReviews } from "@capstan/api/kinds/reviews";
import { pathOf, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { type Client, createClient, readText } from "@capstan/core/client";
import { createRecorder } from "@capstan/core/reconcile";
import { dispatchEvent } from "./dispatch.ts";
import { accountOf } from "./webhook.ts";

export const eventsPath = "/api/v1/events/";

export interface EventHandlerOptions {
  /** The API server: what an event does is done with its sender's rights. */
  api: Handler;
  /** Reviews tokens, reads the secret of webhook clients, asks for their accounts' tokens, and tells of failures. */
  client: Client;
  log: Logger;
}

/** Seconds that the token of a webhook's account lives: the shortest that the API gives. */
const tokenSeconds = 600;

export function createEventHandler({ api, client, log }: EventHandlerOptions): Handler {
  const recorder = createRecorder(client, { component: "workflow-events" });
  const respond = async (request: HttpRequest): Promise<HttpResponse> => {
    const [, namespace = "", , discriminator = ""] =
      /^\/api\/v1\/events\/([a-z0-9]([-a-z0-9]*[a-z0-9])?)(?:\/([^/?]*))?(?:\?.*)?$/.exec(request.url) ?? [];
    if (!namespace) return answer(404, `no such path: events go to ${eventsPath}<namespace>/<discriminator>`);
    if (request.method !== "POST") return answer(405, "events are sent by POST");
    const token = await tokenOf(client, namespace, request);
    if (!token) {
      const how = "send a token as “Authorization: Bearer <token>”, or sign as a webhook client of the namespace";
      return answer(401, `who sends this event is not known: ${how}`);
    }
    const creator = await nameOf(client, token);
    const sender = createClient(api, { bearer: token, userAgent: "workflow-events" });
    const event = {
      namespace,
      discriminator: decodeURIComponent(discriminator),
      metadata: metadataOf(request.headers),
      payload: readPayload(request.body),
    };
    const { started, problems } = await dispatchEvent(event, {
      client: sender,
      creator,
      failed: (binding, message) =>
        recorder.warning(binding, "WorkflowEventBindingError", `failed to dispatch event: ${message}`),
    });
    log.info("event", { namespace: event.namespace, discriminator: event.discriminator, started: started.join(" ") });
    if (problems.length > 0) return answer(500, `failed to dispatch event: ${problems.join("; ")}`);
    return { status: 200, headers: json, body: "{}" };
  };
  return async (request) => {
    try {
      return await respond(request);
    } catch (error) {
      if (error instanceof BadEvent || error instanceof URIError) return answer(400, error.message);
      const { code, message } = StatusError.from(error);
      return answer(code, message);
    }
  };
}

const json = { "content-type": "application/json" };
const answer = (code: number, message: string): HttpResponse => ({
  status: code,
  headers: json,
  body: JSON.stringify({ code, message }),
});

class BadEvent extends Error {}

function readPayload(body: Uint8Array | undefined): unknown {
  if (!body?.length) return null;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    throw new BadEvent(`the event is no JSON: ${messageOf(error)}`);
  }
}

/** Only names that begin with `x-`: others may hold what nobody else should see. */
function metadataOf(headers: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (name.startsWith("x-") ? [[name, [value]]] : [])),
  );
}

/** The sender's own token, else one of the account for which it has signed. */
async function tokenOf(client: Client, namespace: string, { headers, body }: HttpRequest): Promise<string | undefined> {
  const own = /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (own || headers.authorization) return own;
  const name = await accountOf(client, namespace, headers, body ?? new Uint8Array());
  if (!name) return undefined;
  const spec = { expirationSeconds: tokenSeconds };
  const made = await client.request({
    method: "POST",
    url: pathOf(ServiceAccounts, namespace, name, "token"),
    headers: json,
    body: new TextEncoder().encode(
      JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec }),
    ),
  });
  return JSON.parse(await readText(made)).status.token;
}

/** @throws StatusError for a token that is not valid. */
async function nameOf(client: Client, token: string): Promise<string> {
  const review = await client.create(TokenReviews, { metadata: {}, spec: { token } });
  const { authenticated, user, error } = review.status ?? {};
  if (!authenticated) throw new StatusError("Unauthorized", error || "the token is not valid, or has expired");
  return user?.username ?? "";
}
