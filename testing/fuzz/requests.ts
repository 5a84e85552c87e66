// Requests that are nearly right: real objects and patches, damaged at random but reproducibly.
export interface FuzzRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: Uint8Array;
}

/** A stream of numbers in [0, 1) that a seed repeats. Source: mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const container = {
  name: "c",
  image: "x:1",
  ports: [{ containerPort: 80 }],
  env: [{ name: "A", value: "b" }],
  resources: { limits: { cpu: "1" } },
};
const template = {
  metadata: { labels: { a: "b" } },
  spec: { containers: [container], volumes: [{ name: "v", emptyDir: {} }] },
};
const objects: [string, object][] = [
  ["/api/v1/namespaces/default/pods", { metadata: { name: "p", labels: { a: "b" } }, spec: template.spec }],
  [
    "/api/v1/namespaces/default/services",
    {
      metadata: { name: "s" },
      spec: { type: "NodePort", selector: { a: "b" }, ports: [{ port: 80, targetPort: "http" }] },
    },
  ],
  ["/api/v1/namespaces/default/configmaps", { metadata: { name: "c", annotations: { x: "y" } }, data: { k: "v" } }],
  ["/api/v1/namespaces/default/secrets", { metadata: { name: "c" }, stringData: { k: "v" }, data: { b: "YQ==" } }],
  [
    "/api/v1/nodes",
    {
      metadata: { name: "n" },
      spec: { taints: [{ key: "a", effect: "NoSchedule" }] },
      status: { capacity: { cpu: "1" } },
    },
  ],
  [
    "/api/v1/namespaces/default/events",
    { metadata: { name: "e" }, involvedObject: { namespace: "default", name: "p" }, reason: "R" },
  ],
  [
    "/apis/apps/v1/namespaces/default/deployments",
    { metadata: { name: "d" }, spec: { replicas: 1, selector: { matchLabels: { a: "b" } }, template } },
  ],
  [
    "/apis/apps/v1/namespaces/default/statefulsets",
    { metadata: { name: "d" }, spec: { serviceName: "s", selector: { matchLabels: { a: "b" } }, template } },
  ],
  [
    "/apis/batch/v1/namespaces/default/jobs",
    { metadata: { name: "j" }, spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } },
  ],
  [
    "/apis/batch/v1/namespaces/default/cronjobs",
    { metadata: { name: "j" }, spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
  ],
  [
    "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
    { metadata: { name: "h" }, spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "d" } } },
  ],
  [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    { metadata: { name: "r" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  ],
  [
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    {
      metadata: { name: "widgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "widgets", kind: "Widget" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: {
                  spec: { type: "object", properties: { a: { type: "string", pattern: "^a+$", default: "a" } } },
                },
              },
            },
          },
        ],
      },
    },
  ],
  ["/apis/example.com/v1/namespaces/default/widgets", { metadata: { name: "w" }, spec: { a: "aa" } }],
];

const values: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  "",
  "x",
  "a/b/c",
  "-",
  "9".repeat(30),
  "\u0000",
  "😀",
  "__proto__",
  [],
  {},
  [null],
  [[]],
  { "": 1 },
  { constructor: {} },
  ["a", 1],
];
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "application/json",
  "text/x",
];
const queries = [
  "",
  "?dryRun=All",
  "?fieldValidation=Strict",
  "?fieldManager=f",
  "?force=true&fieldManager=g",
  "?labelSelector=a%20in%20(b",
  "?fieldSelector=a=",
  "?limit=2",
  "?continue=e30",
  "?resourceVersion=x",
  "?resourceVersion=1",
  "?propagationPolicy=No",
  "?watch=true&timeoutSeconds=1&resourceVersionMatch=x",
  "?gracePeriodSeconds=NaN",
];
const subresources = [
  "",
  "",
  "",
  "/status",
  "/scale",
  "/finalize",
  "/binding",
  "/eviction",
  "/log",
  "/approval",
  "/resize",
  "/ephemeralcontainers",
  "/token",
  "/nothing",
];

export function nextRequest(random: () => number): FuzzRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const [collection, object] = pick(objects);
  const name = (object as { metadata: { name: string } }).metadata.name;
  const method = pick(["POST", "POST", "PUT", "PATCH", "PATCH", "PATCH", "GET", "DELETE"]);
  const one = method === "POST" ? pick(["", "", "", `/${name}${pick(subresources)}`]) : `/${name}${pick(subresources)}`;
  const url =
    random() < 0.02
      ? collection.replace(/\w+$/, pick(["%00", "..", "a%2Fb", "é", "%"]))
      : collection + one + pick(queries);
  if (method === "GET") return { method, url, headers: {} };
  const type =
    method === "PATCH" ? pick(patchTypes) : pick(["application/json", "application/json", "application/yaml"]);
  const headers = { "content-type": type };
  const body =
    type === "application/json-patch+json" ? operations(random, pick) : damage(structuredClone(object), random, pick);
  return { method, url, headers, body: new TextEncoder().encode(spoil(JSON.stringify(body) ?? "", random)) };
}

type Pick = <T>(list: readonly T[]) => T;

/** Replaces, removes or adds a few values anywhere. */
function damage(object: object, random: () => number, pick: Pick): unknown {
  for (let n = Math.floor(random() * 4); n > 0; n--) {
    let at = object as Record<string, unknown>;
    for (;;) {
      const key = pick(Object.keys(at));
      if (key === undefined) break;
      const below = at[key];
      if (typeof below === "object" && below !== null && random() < 0.8) {
        at = below as Record<string, unknown>;
        continue;
      }
      if (random() < 0.2) delete at[key];
      else
        at[
          random() < 0.2
            ? pick(["bogus", "$patch", "$retainKeys", "$setElementOrder/containers", "metadata", "name"])
            : key
        ] = structuredClone(pick(values));
      break;
    }
  }
  return object;
}

function operations(random: () => number, pick: Pick): unknown {
  return Array.from({ length: Math.floor(random() * 4) }, () => ({
    op: pick(["add", "remove", "replace", "test", "copy", "move", "none"]),
    path: pick([
      "/spec",
      "/metadata/labels/a",
      "/metadata/name",
      "/spec/template/spec/containers/0/image",
      "/spec/containers/-",
      "/status",
      "",
      "x",
      "/__proto__/a",
      "/metadata/managedFields",
    ]),
    from: pick(["/spec", "/metadata", "/none"]),
    value: pick(values),
  }));
}

/** Breaks the text itself, now and then. */
function spoil(text: string, random: () => number): string {
  if (random() > 0.05 || text.length === 0) return text;
  const at = Math.floor(random() * text.length);
  return (
    text.slice(0, at) +
    ['"', "{", "}", ",", "\\", "\u0000", '"a":1,', "[".repeat(600)][Math.floor(random() * 8)] +
    text.slice(at)
  );
}
