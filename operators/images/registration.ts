import { MutatingWebhookConfigurations, ValidatingWebhookConfigurations } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";

export const configurationName = "capstan-image-policies";

export interface Registration {
  /** `https://127.0.0.1:1234`: where the API server reaches the webhook. */
  url: string;
  secret: string;
  /** PEM. */
  ca: string;
  failClosed: boolean;
  /** Namespaces that every policy leaves alone: the API server does not even ask for them. */
  exempt: string[];
}

/** The namespace without whose pods a cluster does not come up. */
const vital = "kube-system";

const workloads = [
  { apiGroups: [""], resources: ["pods", "replicationcontrollers", "podtemplates"] },
  { apiGroups: ["apps"], resources: ["deployments", "replicasets", "statefulsets", "daemonsets"] },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"] },
];
const rules = [
  ...workloads.map((rule) => ({ ...rule, apiVersions: ["*"], operations: ["CREATE", "UPDATE"], scope: "Namespaced" })),
  {
    apiGroups: [""],
    resources: ["pods/ephemeralcontainers"],
    apiVersions: ["*"],
    operations: ["UPDATE"],
    scope: "Namespaced",
  },
];

/** Tells the API server to ask the webhook. The policies' own owner is whoever made them. */
export async function register(client: Client, registration: Registration): Promise<void> {
  const options = { fieldManager: "capstan-image-policies", force: true };
  const metadata = { name: configurationName };
  const mutating = webhooksOf("mutate", registration).map((one) => ({ ...one, reinvocationPolicy: "IfNeeded" }));
  await client.apply(MutatingWebhookConfigurations, { metadata, webhooks: mutating } as never, options);
  const validating = webhooksOf("validate", registration);
  await client.apply(ValidatingWebhookConfigurations, { metadata, webhooks: validating } as never, options);
}

/** The cluster's own pods are never held up by a webhook that does not answer, whatever the policies say. */
function webhooksOf(action: "mutate" | "validate", registration: Registration): object[] {
  const { exempt, failClosed } = registration;
  const select = (operator: "In" | "NotIn", values: string[]) => ({
    matchExpressions: values.length > 0 ? [{ key: "kubernetes.io/metadata.name", operator, values }] : [],
  });
  if (!failClosed || exempt.includes(vital))
    return [webhookOf(action, registration, failClosed, select("NotIn", exempt))];
  return [
    webhookOf(action, registration, true, select("NotIn", [...exempt, vital])),
    { ...webhookOf(action, registration, false, select("In", [vital])), name: `${action}.${vital}.images.capstan.dev` },
  ];
}

function webhookOf(
  action: "mutate" | "validate",
  { url, secret, ca }: Registration,
  failClosed: boolean,
  namespaceSelector: object,
): object {
  return {
    name: `${action}.images.capstan.dev`,
    clientConfig: { url: `${url}/${action}/${secret}`, caBundle: Buffer.from(ca).toString("base64") },
    rules,
    failurePolicy: failClosed ? "Fail" : "Ignore",
    matchPolicy: "Equivalent",
    namespaceSelector,
    sideEffects: "None",
    timeoutSeconds: 5,
    admissionReviewVersions: ["v1", "v1beta1"],
  };
}

/** The API server asks no more. */
export async function unregister(client: Client): Promise<void> {
  for (const resource of [MutatingWebhookConfigurations, ValidatingWebhookConfigurations]) {
    await client.delete(resource, { name: configurationName }).catch((error) => {
      if (!isReason(error, "NotFound")) throw error;
    });
  }
}
