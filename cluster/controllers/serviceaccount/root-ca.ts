import { ConfigMaps, Namespaces } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { isTerminating } from "../pod.ts";

const name = "kube-root-ca.crt";
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal " +
  "service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Keeps the ConfigMap kube-root-ca.crt in every namespace: what pods trust when they talk to the API server. */
export function createRootCaPublisher(context: ControllerContext & { rootCa: string }): Controller {
  const { log } = openWorkshop(context, "root-ca-certificate-publisher-controller");
  const { client, informers, rootCa } = context;
  const namespaces = informers.informer(Namespaces);
  const maps = informers.informer(ConfigMaps);
  const data = { "ca.crt": rootCa };
  return createController({
    name: "root-ca-certificate-publisher-controller",
    informers,
    log,
    sources: [
      { resource: Namespaces },
      {
        resource: ConfigMaps,
        when: ({ object }) => object.metadata.name === name,
        keys: ({ metadata }) => [{ name: metadata.namespace ?? "" }],
      },
    ],
    async reconcile({ name: namespace }) {
      const found = namespaces.get({ name: namespace });
      if (!found || found.status?.phase === "Terminating") return;
      const map = maps.get({ namespace, name });
      if (map && Object.keys(map.data ?? {}).length === 1 && map.data?.["ca.crt"] === rootCa) return;
      try {
        if (map) await client.update(ConfigMaps, { ...map, data, binaryData: {} });
        else {
          const annotations = { "kubernetes.io/description": description };
          await client.create(ConfigMaps, { metadata: { namespace, name, annotations }, data });
        }
      } catch (error) {
        if (!isReason(error, "AlreadyExists") && !isTerminating(error)) throw error;
      }
    },
  });
}
