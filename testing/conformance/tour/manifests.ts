// What the tour applies. JSON, which every kubectl takes for YAML.

/** Says that it is up, and ends when it is asked to. */
const idle = ["sh", "-c", "trap 'exit 0' TERM; echo up; sleep infinity & wait"];

export const podSpec = (image = "capstan/host") => ({
  terminationGracePeriodSeconds: 1,
  containers: [{ name: "main", image, command: idle, ports: [{ containerPort: 8080 }] }],
});

const write = (object: object) => JSON.stringify(object);

export const pod = (name: string, more: object = {}, labels: Record<string, string> = { app: name }) =>
  write({ apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec: { ...podSpec(), ...more } });

export const deployment = (name: string, replicas: number, template: { image?: string; more?: object } = {}) => {
  const labels = { app: name };
  const spec = { ...podSpec(template.image), ...template.more };
  return write({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
};

export const daemonSet = (name: string) => {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: podSpec() };
  return write({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template },
  });
};

export const configMap = (name: string, data: Record<string, string>, more: object = {}) =>
  write({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more }, data });

/** @param kind its own for each tour, as the group: definitions have no namespace. */
export const definition = (group: string, kind: string) =>
  write({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.toLowerCase()}s.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: `${kind.toLowerCase()}s`, kind, shortNames: [`s${kind.toLowerCase()}`], categories: ["all"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
          },
          additionalPrinterColumns: [
            { name: "Size", type: "integer", jsonPath: ".spec.size" },
            { name: "Phase", type: "string", jsonPath: ".status.phase", priority: 1 },
          ],
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: "Widget is what the tour makes.",
              properties: {
                spec: {
                  type: "object",
                  required: ["size"],
                  properties: {
                    size: { type: "integer", minimum: 1, description: "How large it is." },
                    replicas: { type: "integer", default: 1 },
                  },
                },
                status: {
                  type: "object",
                  properties: { phase: { type: "string" }, replicas: { type: "integer" } },
                },
              },
            },
          },
        },
      ],
    },
  });
