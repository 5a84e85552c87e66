import type { MutatingWebhook, ValidatingWebhook } from "@capstan/api/generated/admissionregistration-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { selects } from "@capstan/api/meta";
import type { Attributes, View } from "../../request.ts";

export type Webhook = ValidatingWebhook | MutatingWebhook;

// Who could keep these from being written could keep anybody from ever taking the webhook away again; reviews store nothing.
const exempt = new Set(["admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io"]);

/** Whether a webhook wants to see a write. Source: apiserver's plugin/webhook/{rules,predicates}. */
export function wants(view: View, webhook: Webhook, attributes: Attributes): boolean {
  if (exempt.has(attributes.info.group)) return false;
  return (
    (webhook.rules ?? []).some((rule) => ruleMatches(rule, attributes)) &&
    namespaceMatches(view, webhook, attributes) &&
    objectMatches(webhook, attributes)
  );
}

type Rule = NonNullable<Webhook["rules"]>[number];
const includes = (list: string[] | undefined, value: string) => list?.includes("*") || list?.includes(value) || false;

function ruleMatches(
  { operations, apiGroups, apiVersions, resources, scope = "*" }: Rule,
  attributes: Attributes,
): boolean {
  const { info, operation, namespace } = attributes;
  if (!includes(operations, operation) || !includes(apiGroups, info.group) || !includes(apiVersions, info.version))
    return false;
  const namespaced = namespace !== "" && info.resource !== "namespaces";
  if (scope !== "*" && (scope === "Namespaced") !== namespaced) return false;
  return (resources ?? []).some((pattern) => {
    const [resource = "", subresource = ""] = pattern.split("/");
    return (
      (resource === "*" || resource === info.resource) && (subresource === "*" || subresource === info.subresource)
    );
  });
}

function namespaceMatches(
  view: View,
  { namespaceSelector }: Webhook,
  { info, namespace, object, oldObject }: Attributes,
): boolean {
  if (!namespaceSelector) return true;
  if (info.group === "" && info.resource === "namespaces") {
    return selects(namespaceSelector, (object ?? oldObject)?.metadata.labels);
  }
  if (namespace === "") return true;
  return selects(namespaceSelector, view.get(Namespaces, { name: namespace })?.metadata.labels);
}

function objectMatches({ objectSelector }: Webhook, { object, oldObject }: Attributes): boolean {
  if (!objectSelector) return true;
  return [object, oldObject].some((one) => one && selects(objectSelector, one.metadata.labels));
}
