import type { Pod, ServiceAccount, Volume } from "@capstan/api/generated/core-v1";
import { Namespaces, ServiceAccounts } from "@capstan/api/generated/resources";
import type { Client } from "@capstan/core/client";
import { forbiddenObject } from "../authorization/index.ts";
import { randomSuffix } from "../random-suffix.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";
import { containersOf, createdPod, isMirror } from "./of-pods.ts";

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
// Seconds; the agent renews tokens long before. Source: kubernetes/plugin/pkg/admission/serviceaccount.
const tokenLifetime = 3607;
// A new namespace's own account is made by a controller: milliseconds, unless it does not run.
const patience = 2000;

/**
 * Gives each pod its account: named, present, its token mounted, its pull secrets copied.
 * @param client waits for the account "default" of a namespace that is only just made; without it such a pod is refused.
 */
export function createServiceAccountAdmission(view: View, client?: () => Client): AdmissionPlugin {
  return {
    name: "ServiceAccount",
    admit: async (attributes) => {
      const pod = createdPod(attributes);
      if (!pod || isMirror(pod)) return;
      pod.spec.serviceAccountName ||= "default";
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = await find(view, client, attributes, pod.spec.serviceAccountName);
      if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod);
      if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
        pod.spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
      }
    },
  };
}

async function find(
  view: View,
  client: (() => Client) | undefined,
  { info, name: podName, namespace, signal }: Attributes,
  name: string,
): Promise<ServiceAccount> {
  const ref = { namespace, name };
  const present = view.get(ServiceAccounts, ref);
  if (present) return present;
  const young =
    Date.now() - Date.parse(view.get(Namespaces, { name: namespace })?.metadata.creationTimestamp ?? "") < patience * 5;
  if (client && young && name === "default") {
    const over = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const events = client().watch(ServiceAccounts, { namespace, fieldSelector: `metadata.name=${name}`, signal: over });
    for await (const event of events) if (event.type === "ADDED") return event.object;
  }
  const text = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
  throw forbiddenObject(info, podName, text);
}

function mountToken(pod: Pod): void {
  const without = containersOf(pod).filter(({ volumeMounts }) => !volumeMounts?.some((m) => m.mountPath === mountPath));
  if (without.length === 0) return;
  const name = `kube-api-access-${randomSuffix()}`;
  for (const container of without) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
  }
  pod.spec.volumes = [...(pod.spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Volume {
  const sources = [
    { serviceAccountToken: { expirationSeconds: tokenLifetime, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    {
      downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] },
    },
  ];
  return { name, projected: { defaultMode: 0o644, sources } };
}
