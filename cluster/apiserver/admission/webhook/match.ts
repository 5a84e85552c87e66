import type { MutatingWebhook, ValidatingWebhook } from "@capstan/api/generated/admissionregistration-v1";
import type { Attributes, View } from "../../request.ts";
import { isExempt, namespaceMatches, objectMatches } from "../matching.ts";
import { matchRules, type Sight } from "../sight.ts";

export type Webhook = ValidatingWebhook | MutatingWebhook;

/** How a webhook wants to see a write, as far as its rules and selectors say; undefined when it does not. */
export function sightOf(view: View, webhook: Webhook, attributes: Attributes): Sight | undefined {
  if (isExempt(attributes)) return undefined;
  const sight = matchRules(view, webhook, attributes);
  const selected =
    sight &&
    namespaceMatches(view, webhook.namespaceSelector, attributes) &&
    objectMatches(webhook.objectSelector, attributes);
  return selected ? sight : undefined;
}
