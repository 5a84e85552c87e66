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
  const [mutating, validating] = (["mutate", "validate"] as const).map((action) => webhookOf(action, registration));
  await client.apply(
    MutatingWebhookConfigurations,
    { metadata, webhooks: [{ ...mutating, reinvocationPolicy: "IfNeeded" }] } as never,
    options,
  );
  await client.apply(ValidatingWebhookConfigurations, { metadata, webhooks: [validating] } as never, options);
}

function webhookOf(action: "mutate" | "validate", { url, secret, ca, failClosed, exempt }: Registration) {
  return {
    name: `${action}.images.capstan.dev`,
    clientConfig: { url: `${url}/${action}/${secret}`, caBundle: Buffer.from(ca).toString("base64") },
    rules,
    failurePolicy: failClosed ? "Fail" : "Ignore",
    matchPolicy: "Equivalent",
    namespaceSelector: {
      matchExpressions:
        exempt.length > 0 ? [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: exempt }] : [],
    },
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
