import { randomUUID } from "node:crypto";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { type Authorizer, forbiddenObject } from "../../authorization/index.ts";
import type { Attributes, View } from "../../request.ts";
import { postToWebhook } from "../../webhook-client.ts";
import { conditionsHold, variablesOf } from "../policy/conditions.ts";
import type { Webhook } from "./match.ts";
import { type AdmissionResponse, denial, readResponse, reviewOf } from "./review.ts";

export interface WebhookCaller {
  /**
   * Asks one webhook. Undefined when its conditions do not hold, or its failure is to be ignored.
   * Throws what refuses the write. @param asked the write as the client made it, where the webhook sees another version.
   */
  call(webhook: Webhook, attributes: Attributes, asked?: Attributes): Promise<AdmissionResponse | undefined>;
}

const defaultTimeout = 10;

export function createWebhookCaller(view: View, authorize: Authorizer, log: Logger): WebhookCaller {
  const wants = ({ name, matchConditions, failurePolicy }: Webhook, attributes: Attributes): boolean => {
    try {
      return !matchConditions?.length || conditionsHold(matchConditions, variablesOf(view, authorize, attributes));
    } catch (error) {
      if (failurePolicy !== "Ignore") throw forbiddenObject(attributes.info, attributes.name, messageOf(error));
      log.warn("conditions of a webhook failed: it is not asked", { webhook: name, error: messageOf(error) });
      return false;
    }
  };
  return {
    call: async (webhook, attributes, asked = attributes) => {
      const { name } = webhook;
      if (!wants(webhook, attributes)) return undefined;
      let response: AdmissionResponse;
      try {
        checkDryRun(webhook, attributes);
        response = await ask(view, webhook, attributes, asked);
      } catch (error) {
        if (error instanceof DryRunRefused) throw error;
        const text = `failed calling webhook ${JSON.stringify(name)}: failed to call webhook: ${messageOf(error)}`;
        if (webhook.failurePolicy !== "Ignore")
          throw new StatusError("InternalError", `Internal error occurred: ${text}`);
        log.warn("a webhook failed and is ignored", { webhook: name, error });
        return undefined;
      }
      for (const warning of response.warnings ?? []) attributes.warn(warning);
      if (!response.allowed) throw denial(name, response.status);
      return response;
    },
  };
}

class DryRunRefused extends StatusError {}

function checkDryRun({ name, sideEffects }: Webhook, { dryRun }: Attributes): void {
  if (!dryRun || sideEffects === "None" || sideEffects === "NoneOnDryRun") return;
  throw new DryRunRefused("BadRequest", `admission webhook ${JSON.stringify(name)} does not support dry run`);
}

async function ask(
  view: View,
  webhook: Webhook,
  attributes: Attributes,
  asked: Attributes,
): Promise<AdmissionResponse> {
  const uid = randomUUID();
  const seconds = webhook.timeoutSeconds ?? defaultTimeout;
  const body = reviewOf(attributes, uid, asked, webhook.admissionReviewVersions);
  return readResponse(
    await postToWebhook(view, webhook.clientConfig, { body, seconds, signal: attributes.signal }),
    uid,
    body.apiVersion,
  );
}
