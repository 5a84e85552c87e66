// What the plugins of admission make of writes, and which they refuse.
import type { Asking, Scenarios } from "../recording.ts";

const container = (rest: object = {}) => ({ name: "c", image: "i:1", ...rest });

/** Tells what was refused, or the part of the answer that a plugin is about. */
function teller({ subject, note }: Asking) {
  return async (what: string, path: string, body: object, part: (json: Answered) => unknown = () => "accepted") => {
    const { json, status, warnings } = await subject.send("POST", path, { body });
    const refused = { status, message: json.message, reason: json.reason, details: json.details };
    note(what, { ...(status < 300 ? { is: part(json) } : refused), ...(warnings.length > 0 ? { warnings } : {}) });
  };
}
// biome-ignore lint/suspicious/noExplicitAny: each scenario reads its own kind
type Answered = any;

/** A kube-apiserver's plugins see an object some time after it was written. */
async function seen(asking: Asking, path: string, body: object, isSeen: (status: number, json: Answered) => boolean) {
  for (let times = 0; times < 200; times++) {
    const { status, json } = await asking.subject.send("POST", `${path}?dryRun=All`, { body });
    if (isSeen(status, json)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path}: the plugin does not see what was written`);
}

export const admission: Scenarios = {
  async "pods as they are made"(asking) {
    const { namespace, subject } = asking;
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const tell = teller(asking);
    const spec = ({ spec }: Answered) => {
      const token = (text: string) => text.replace(/kube-api-access-\w{5}/, "kube-api-access");
      return JSON.parse(token(token(JSON.stringify(spec))));
    };
    const pod = (name: string, rest: object = {}) => ({
      metadata: { name },
      spec: { containers: [container()], ...rest },
    });
    await tell("plain", pods, pod("plain"), spec);
    await tell("no token", pods, pod("no-token", { automountServiceAccountToken: false }), spec);
    await tell("other account", pods, pod("other", { serviceAccountName: "other" }));
    await tell("both account fields", pods, pod("both", { serviceAccount: "default", serviceAccountName: "other" }));
    await tell(
      "priority",
      pods,
      pod("priority", { priorityClassName: "system-node-critical" }),
      ({ spec: { priority, preemptionPolicy } }) => ({ priority, preemptionPolicy }),
    );
    await tell("unknown priority", pods, pod("unknown", { priorityClassName: "none" }));
    await tell("own priority", pods, pod("own", { priority: 5 }));
    await tell(
      "tolerations",
      pods,
      pod("tolerations", {
        tolerations: [
          { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 },
        ],
      }),
      ({ spec: { tolerations } }) => tolerations,
    );
    await tell(
      "all tolerations",
      pods,
      pod("all", { tolerations: [{ operator: "Exists" }] }),
      ({ spec: { tolerations } }) => tolerations,
    );
    await tell(
      "extended resource",
      pods,
      pod("extended", { containers: [container({ resources: { limits: { "example.com/gpu": "1" } } })] }),
      ({ spec: { tolerations } }) => tolerations,
    );
    await tell("runtime class", pods, pod("class", { runtimeClassName: "none" }));
    await subject.send("PATCH", `/api/v1/namespaces/${namespace}/serviceaccounts/default`, {
      body: { imagePullSecrets: [{ name: "pull" }] },
      type: "application/merge-patch+json",
    });
    await seen(asking, pods, pod("probe"), (_, json) => Boolean(json.spec?.imagePullSecrets));
    await tell("pull secrets", pods, pod("pull"), ({ spec: { imagePullSecrets } }) => imagePullSecrets);
    await tell(
      "own pull secrets",
      pods,
      pod("own-pull", { imagePullSecrets: [{ name: "mine" }] }),
      ({ spec: { imagePullSecrets } }) => imagePullSecrets,
    );
  },
  async "limit ranges"(asking) {
    const { namespace, subject } = asking;
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const tell = teller(asking);
    const limits = [
      {
        type: "Container",
        default: { cpu: "200m", memory: "64Mi" },
        defaultRequest: { cpu: "100m" },
        min: { cpu: "50m" },
        max: { cpu: "1", memory: "1Gi" },
        maxLimitRequestRatio: { cpu: "4" },
      },
      { type: "Pod", max: { cpu: "2" } },
      { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "5Gi" } },
    ];
    await subject.send("POST", `/api/v1/namespaces/${namespace}/limitranges`, {
      body: { metadata: { name: "l" }, spec: { limits } },
    });
    const pod = (name: string, ...resources: object[]) => ({
      metadata: { name },
      spec: { containers: resources.map((one, i) => container({ name: `c${i}`, resources: one })) },
    });
    await seen(asking, pods, pod("probe", {}), (_, json) => Boolean(json.spec?.containers[0].resources.limits));
    const resources = ({ metadata, spec: { containers } }: Answered) => ({
      annotations: metadata.annotations,
      resources: containers.map((one: Answered) => one.resources),
    });
    await tell("defaults", pods, pod("defaults", {}), resources);
    await tell("own limit", pods, pod("limit", { limits: { cpu: "400m" } }), resources);
    await tell("own request", pods, pod("request", { requests: { cpu: "150m" } }), resources);
    await tell("request above the default", pods, pod("above", { requests: { cpu: "300m" } }));
    await tell("below min", pods, pod("below", { requests: { cpu: "10m" }, limits: { cpu: "40m" } }));
    await tell("above max", pods, pod("max", { limits: { cpu: "2", memory: "2Gi" } }));
    await tell("ratio", pods, pod("ratio", { requests: { cpu: "100m" }, limits: { cpu: "800m" } }));
    await tell(
      "pod max",
      pods,
      pod("sum", { limits: { cpu: "900m" } }, { limits: { cpu: "900m" } }, { limits: { cpu: "900m" } }),
    );
    const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
    const claim = (name: string, storage: string) => ({
      metadata: { name },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
    });
    await tell("small claim", claims, claim("small", "500Mi"));
    await tell("large claim", claims, claim("large", "10Gi"));
    await tell("claim", claims, claim("fits", "2Gi"), ({ metadata: { finalizers }, spec }) => ({ finalizers, spec }));
  },
  async quotas(asking) {
    const { namespace, subject } = asking;
    const tell = teller(asking);
    const quotas = `/api/v1/namespaces/${namespace}/resourcequotas`;
    const hard = { pods: "2", "requests.cpu": "500m", "limits.memory": "1Gi", "count/configmaps": "1", services: "1" };
    const made = await subject.send("POST", quotas, { body: { metadata: { name: "q" }, spec: { hard } } });
    // No controller runs beside the server: what is used is said here.
    const used = { pods: "0", "requests.cpu": "0", "limits.memory": "0", "count/configmaps": "0", services: "0" };
    await subject.send("PUT", `${quotas}/q/status`, { body: { ...made.json, status: { hard, used } } });
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const pod = (name: string, resources: object = {}) => ({
      metadata: { name },
      spec: { containers: [container({ resources })] },
    });
    await seen(asking, pods, pod("probe"), (status) => status === 403);
    const both = (cpu: string) => ({ requests: { cpu }, limits: { memory: "100Mi" } });
    await tell("no resources", pods, pod("none"));
    await tell("fits", pods, pod("a", both("200m")));
    await tell("too much", pods, pod("b", both("400m")));
    await tell("second", pods, pod("c", both("200m")));
    await tell("third", pods, pod("d", both("50m")));
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    await tell("config map", maps, { metadata: { name: "a" } });
    await tell("another config map", maps, { metadata: { name: "b" } });
  },
  async "pod security"(asking) {
    const { subject, note } = asking;
    const tell = teller(asking);
    const prefix = "pod-security.kubernetes.io/";
    const spaces = await Promise.all(
      [
        { enforce: "baseline" },
        { enforce: "restricted" },
        { warn: "restricted" },
        { enforce: "baseline", "enforce-version": "v1.20" },
      ].map((labels) =>
        subject.namespace(Object.fromEntries(Object.entries(labels).map(([key, value]) => [prefix + key, value]))),
      ),
    );
    const bad = {
      hostNetwork: true,
      hostPID: true,
      volumes: [
        { name: "h", hostPath: { path: "/" } },
        { name: "n", nfs: { server: "s", path: "/" } },
        { name: "e", emptyDir: {} },
      ],
      securityContext: {
        sysctls: [{ name: "kernel.msgmax", value: "1" }],
        runAsUser: 0,
        seLinuxOptions: { user: "u", type: "t" },
        seccompProfile: { type: "Unconfined" },
      },
      containers: [
        container({
          ports: [
            { containerPort: 80, hostPort: 80 },
            { containerPort: 81, hostPort: 81 },
          ],
          livenessProbe: { httpGet: { host: "x", port: 80 } },
          securityContext: {
            privileged: true,
            capabilities: { add: ["SYS_ADMIN", "CHOWN"] },
            runAsNonRoot: false,
          },
        }),
        container({
          name: "d",
          securityContext: { seLinuxOptions: { role: "r" }, appArmorProfile: { type: "Unconfined" }, runAsUser: 0 },
        }),
      ],
    };
    const good = {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        container({
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
          },
        }),
      ],
    };
    const plain = { containers: [container(), container({ name: "d" })] };
    for (const [i, namespace] of spaces.entries()) {
      const pods = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
      for (const [name, spec] of Object.entries({ bad, plain, good }))
        await tell(`${i} ${name}`, pods, { metadata: { name }, spec });
      const template = { metadata: { labels: { a: "b" } }, spec: plain };
      const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`;
      await tell(`${i} deployment`, deployments, {
        metadata: { name: "d" },
        spec: { selector: { matchLabels: { a: "b" } }, template },
      });
    }
    for (const labels of [
      { [`${prefix}enforce`]: "strict" },
      { [`${prefix}warn-version`]: "1.30" },
      { [`${prefix}audit`]: "x", [`${prefix}enforce-version`]: "v2.0" },
    ])
      await tell(JSON.stringify(labels), "/api/v1/namespaces?dryRun=All", {
        metadata: { name: `${asking.unique}-n`, labels },
      });
    const target = spaces[2] as string;
    await subject.send("POST", `/api/v1/namespaces/${target}/pods`, { body: { metadata: { name: "old" }, spec: bad } });
    await subject.send("POST", `/api/v1/namespaces/${target}/pods`, {
      body: { metadata: { name: "older" }, spec: plain },
    });
    const stricter = await subject.send("PATCH", `/api/v1/namespaces/${target}?dryRun=All`, {
      body: { metadata: { labels: { [`${prefix}enforce`]: "restricted" } } },
      type: "application/merge-patch+json",
    });
    note("stricter", {
      status: stricter.status,
      warnings: stricter.warnings.map((text) => text.replaceAll(target, "TARGET")),
    });
  },
  async "namespaces that are not there or end"(asking) {
    const { namespace, subject } = asking;
    const tell = teller(asking);
    await tell("missing", "/api/v1/namespaces/none-here/configmaps", { metadata: { name: "x" } });
    await subject.send("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
      body: { metadata: { name: "held", finalizers: ["example.com/hold"] } },
    });
    await subject.send("DELETE", `/api/v1/namespaces/${namespace}`);
    await tell("ending", `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: "x" } });
    for (const name of ["default", "kube-system", "kube-public"]) {
      const { status, json } = await subject.send("DELETE", `/api/v1/namespaces/${name}`);
      asking.note(`delete ${name}`, { status, message: json.message, reason: json.reason });
    }
    await subject.send("PATCH", `/api/v1/namespaces/${namespace}/configmaps/held`, {
      body: { metadata: { finalizers: null } },
      type: "application/merge-patch+json",
    });
  },
  async "classes that stand in"(asking) {
    const { namespace, subject, unique } = asking;
    const tell = teller(asking);
    const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
    const claim = (name: string, rest: object = {}) => ({
      metadata: { name },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...rest },
    });
    const className = ({ spec: { storageClassName, ingressClassName } }: Answered) =>
      storageClassName ?? ingressClassName ?? "none";
    await tell("no class", claims, claim("a"), className);
    const key = "storageclass.kubernetes.io/is-default-class";
    const storage = "/apis/storage.k8s.io/v1/storageclasses";
    await subject.send("POST", storage, {
      body: { metadata: { name: unique, annotations: { [key]: "true" } }, provisioner: "example.com/none" },
    });
    await seen(asking, claims, claim("probe"), (_, json) => Boolean(json.spec?.storageClassName));
    await tell("default class", claims, claim("b"), className);
    await tell("own class", claims, claim("c", { storageClassName: "mine" }), className);
    await tell("no class wanted", claims, claim("d", { storageClassName: "" }), className);
    await subject.send("DELETE", `${storage}/${unique}`);
    const ingresses = `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`;
    const ingress = (name: string) => ({
      metadata: { name },
      spec: { defaultBackend: { service: { name: "s", port: { number: 80 } } } },
    });
    await tell("no ingress class", ingresses, ingress("a"), className);
    const classes = "/apis/networking.k8s.io/v1/ingressclasses";
    await subject.send("POST", classes, {
      body: {
        metadata: { name: unique, annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } },
        spec: { controller: "example.com/none" },
      },
    });
    await seen(asking, ingresses, ingress("probe"), (_, json) => Boolean(json.spec?.ingressClassName));
    await tell("default ingress class", ingresses, ingress("b"), className);
    await subject.send("DELETE", `${classes}/${unique}`);
  },
};
