import type { MutatingWebhook } from "@capstan/api/generated/admissionregistration-v1";
import { MutatingWebhookConfigurations, ValidatingWebhookConfigurations } from "@capstan/api/generated/resources";
import { applyJsonPatch, type KubeObject, StatusError } from "@capstan/api/meta";
import { builtinSchema, normalize, typeOfKind } from "@capstan/api/schema";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Authorizer } from "../../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../../request.ts";
import { isOfItsKind, type Sight, seenBy } from "../sight.ts";
import { createWebhookCaller, type WebhookCaller } from "./call.ts";
import { sightOf, type Webhook } from "./match.ts";

type Configuration = KubeObject & { webhooks?: Webhook[] };

/** Webhooks of all configurations, by the configurations' names. */
const inOrder = (list: readonly Configuration[]): Webhook[] =>
  list.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).flatMap(({ webhooks }) => webhooks ?? []);

/** Lets webhooks change objects, one after the other. Source: apiserver's plugin/webhook/mutating. */
export function createMutatingWebhooks(view: View, authorize: Authorizer, log: Logger): AdmissionPlugin {
  const caller = createWebhookCaller(view, authorize, log);
  return {
    name: "MutatingAdmissionWebhook",
    admit: async (attributes) => {
      const webhooks = inOrder(view.list(MutatingWebhookConfigurations)) as MutatingWebhook[];
      const again = new Set<MutatingWebhook>();
      const seen: MutatingWebhook[] = [];
      for (const webhook of webhooks) {
        const sight = sightOf(view, webhook, attributes);
        if (!sight) continue;
        const changed = await callAndApply(caller, webhook, attributes, sight);
        // Those before a change have not seen what the object became.
        if (changed) for (const earlier of seen) if (earlier.reinvocationPolicy === "IfNeeded") again.add(earlier);
        seen.push(webhook);
      }
      for (const webhook of again) {
        const sight = sightOf(view, webhook, attributes);
        if (sight) await callAndApply(caller, webhook, attributes, sight);
      }
    },
  };
}

/** Asks webhooks for their consent, all at once. Source: apiserver's plugin/webhook/validating. */
export function createValidatingWebhooks(view: View, authorize: Authorizer, log: Logger): AdmissionPlugin {
  const caller = createWebhookCaller(view, authorize, log);
  return {
    name: "ValidatingAdmissionWebhook",
    validate: async (attributes) => {
      const ask = async (webhook: Webhook) => {
        const sight = sightOf(view, webhook, attributes);
        if (sight) await caller.call(webhook, await seenBy(sight, attributes), attributes);
      };
      await Promise.all(inOrder(view.list(ValidatingWebhookConfigurations)).map(ask));
    },
  };
}

async function callAndApply(
  caller: WebhookCaller,
  webhook: MutatingWebhook,
  attributes: Attributes,
  sight: Sight,
): Promise<boolean> {
  const seen = await seenBy(sight, attributes);
  const response = await caller.call(webhook, seen, attributes);
  const { object } = attributes;
  if (!response?.patch || !object || !seen.object) return false;
  const before = JSON.stringify(object);
  try {
    const patch: unknown = JSON.parse(Buffer.from(response.patch, "base64").toString());
    const patched = applyJsonPatch(structuredClone(seen.object), patch) as KubeObject;
    checkType(seen, patched);
    replaceContents(object, sight.as && isOfItsKind(attributes) ? await sight.as.restore(patched) : patched);
  } catch (error) {
    const text = `Internal error occurred: admission webhook ${JSON.stringify(webhook.name)} gave a patch that does not apply: ${messageOf(error)}`;
    throw new StatusError("InternalError", text);
  }
  return JSON.stringify(object) !== before;
}

/** A patch can make anything of an object: it must still be one of its kind. */
function checkType({ kind }: Attributes, object: KubeObject): void {
  const type = typeOfKind(kind.group, kind.version, kind.kind);
  if (type) normalize(object, builtinSchema(type));
}

/** What only the server says. */
const own = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "generation",
] as const;

function replaceContents(object: KubeObject, patched: KubeObject): void {
  const { metadata, apiVersion, kind } = object;
  const kept = Object.fromEntries(
    own.flatMap((field) => (metadata[field] === undefined ? [] : [[field, metadata[field]]])),
  );
  const rest: Record<string, unknown> = { ...patched.metadata };
  for (const field of own) delete rest[field];
  for (const key of Object.keys(object)) delete (object as unknown as Record<string, unknown>)[key];
  Object.assign(object, patched, { apiVersion, kind, metadata: { ...rest, ...kept } });
}
