import type { MutatingWebhook, ValidatingWebhook } from "@capstan/api/generated/admissionregistration-v1";
import type { Attributes, View } from "../../request.ts";
import { isExempt, namespaceMatches, objectMatches, ruleMatches } from "../matching.ts";

export type Webhook = ValidatingWebhook | MutatingWebhook;

/** Whether a webhook wants to see a write, as far as its rules and selectors say. */
export function wants(view: View, webhook: Webhook, attributes: Attributes): boolean {
  if (isExempt(attributes) || !(webhook.rules ?? []).some((rule) => ruleMatches(rule, attributes))) return false;
  return (
    namespaceMatches(view, webhook.namespaceSelector, attributes) && objectMatches(webhook.objectSelector, attributes)
  );
}
