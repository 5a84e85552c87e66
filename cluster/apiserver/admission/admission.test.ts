import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import {
  IngressClasses,
  LimitRanges,
  Namespaces,
  Pods,
  PriorityClasses,
  ServiceAccounts,
  StorageClasses,
} from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import { attributesFor, createMemoryView, type MemoryView, runAdmission, type Write } from "@capstan/testing/view";
import { createAdmission } from "./index.ts";
import { createPodSecurity } from "./pod-security/plugin.ts";

const prefix = "pod-security.kubernetes.io/";

function cluster() {
  const view = createMemoryView("default", "a");
  for (const namespace of ["default", "a"]) view.put(ServiceAccounts, { metadata: { name: "default", namespace } });
  const { admission = [] } = createAdmission({ log: silent })(view);
  const write = async (given: Write) => runAdmission(admission, attributesFor(given));
  const createPod = async (spec: object, rest: { metadata?: object; path?: string } = {}) => {
    const object = {
      metadata: { name: "p", namespace: "a", ...rest.metadata },
      spec: { containers: [{ name: "c" }], ...spec },
    };
    const attributes = await write({ path: rest.path ?? "/api/v1/namespaces/a/pods", kind: "Pod", object });
    return { ...attributes, pod: attributes.object as Pod };
  };
  return { view, write, createPod };
}
const label = (view: MemoryView, labels: Record<string, string>) =>
  view.put(Namespaces, { metadata: { name: "a", labels } });

test("nothing is made in a namespace that is not there or is going", async () => {
  const { view, write } = cluster();
  const create = (namespace: string) =>
    write({
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      kind: "ConfigMap",
      object: { metadata: { name: "x", namespace } },
    });
  await create("a");
  await assert.rejects(create("none"), /namespaces "none" not found/);
  view.put(Namespaces, { metadata: { name: "a", deletionTimestamp: "2030-01-01T00:00:00Z" } });
  await assert.rejects(create("a"), (error: unknown) => {
    assert.ok(error instanceof StatusError);
    assert.equal(
      error.message,
      'configmaps "x" is forbidden: unable to create new content in namespace a because it is being terminated',
    );
    return error.details?.causes?.[0]?.reason === "NamespaceTerminating";
  });
  await write({
    operation: "UPDATE",
    path: "/api/v1/namespaces/a/configmaps/x",
    kind: "ConfigMap",
    object: { metadata: { name: "x" } },
  });
  const remove = (name: string) =>
    write({ operation: "DELETE", path: `/api/v1/namespaces/${name}`, kind: "Namespace" });
  await remove("a");
  await assert.rejects(remove("default"), /this namespace may not be deleted/);
});

test("a pod gets its account, token and pull secrets", async () => {
  const { view, createPod } = cluster();
  view.put(ServiceAccounts, { metadata: { name: "robot", namespace: "a" }, imagePullSecrets: [{ name: "hub" }] });
  const own = [{ name: "v", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }];
  const { pod } = await createPod({
    serviceAccountName: "robot",
    initContainers: [{ name: "i" }],
    containers: [{ name: "c" }, { name: "own", volumeMounts: own }],
  });
  assert.equal(pod.spec.serviceAccount, "robot");
  assert.deepEqual(pod.spec.imagePullSecrets, [{ name: "hub" }]);
  const [volume] = pod.spec.volumes ?? [];
  assert.match(volume?.name ?? "", /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(
    volume?.projected?.sources?.map((source) => Object.keys(source)[0]),
    ["serviceAccountToken", "configMap", "downwardAPI"],
  );
  const mount = { name: volume?.name, readOnly: true, mountPath: own[0]?.mountPath };
  assert.deepEqual(
    pod.spec.containers.map((c) => c.volumeMounts),
    [[mount], own],
  );
  assert.deepEqual(pod.spec.initContainers?.[0]?.volumeMounts, [mount]);
  await assert.rejects(
    createPod({ serviceAccountName: "nobody" }),
    /pods "p" is forbidden: error looking up service account a\/nobody: serviceaccount "nobody" not found/,
  );
});

test("an account or a pod may refuse the token", async () => {
  const { view, createPod } = cluster();
  assert.equal((await createPod({ automountServiceAccountToken: false })).pod.spec.volumes, undefined);
  view.put(ServiceAccounts, { metadata: { name: "default", namespace: "a" }, automountServiceAccountToken: false });
  assert.equal((await createPod({})).pod.spec.volumes, undefined);
  assert.equal((await createPod({ automountServiceAccountToken: true })).pod.spec.volumes?.length, 1);
});

test("pods tolerate short absences of their node, unless they say otherwise", async () => {
  const { createPod } = cluster();
  const { pod } = await createPod({
    tolerations: [
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 },
    ],
  });
  assert.deepEqual(
    pod.spec.tolerations?.map((t) => [t.key, t.tolerationSeconds]),
    [
      ["node.kubernetes.io/not-ready", 5],
      ["node.kubernetes.io/unreachable", 300],
    ],
  );
  assert.equal((await createPod({ tolerations: [{ operator: "Exists" }] })).pod.spec.tolerations?.length, 1);
});

test("a class gives a pod its priority", async () => {
  const { view, createPod, write } = cluster();
  assert.deepEqual((await createPod({})).pod.spec.priority, 0);
  assert.equal((await createPod({ priorityClassName: "system-node-critical" })).pod.spec.priority, 2_000_001_000);
  await assert.rejects(createPod({ priorityClassName: "gone" }), /no PriorityClass with name gone was found/);
  await assert.rejects(createPod({ priority: 5 }), /the integer value of priority \(5\) must not be provided/);
  view.put(PriorityClasses, { metadata: { name: "usual" }, value: 7, globalDefault: true, preemptionPolicy: "Never" });
  const { pod } = await createPod({});
  assert.deepEqual([pod.spec.priorityClassName, pod.spec.priority, pod.spec.preemptionPolicy], ["usual", 7, "Never"]);
  const other = { metadata: { name: "other" }, value: 1, globalDefault: true };
  await assert.rejects(
    write({ path: "/apis/scheduling.k8s.io/v1/priorityclasses", kind: "PriorityClass", object: other }),
    /usual is already marked as default/,
  );
});

test("limit ranges fill in and bound what containers ask for", async () => {
  const { view, createPod } = cluster();
  const limits = [
    {
      type: "Container",
      default: { cpu: "500m" },
      defaultRequest: { cpu: "100m" },
      max: { memory: "1Gi" },
      min: { cpu: "50m" },
    },
  ];
  view.put(LimitRanges, { metadata: { name: "l", namespace: "a" }, spec: { limits } });
  const { pod } = await createPod({});
  assert.deepEqual(pod.spec.containers[0]?.resources, {
    requests: { cpu: "100m", memory: "1Gi" },
    limits: { cpu: "500m", memory: "1Gi" },
  });
  assert.match(
    pod.metadata.annotations?.["kubernetes.io/limit-ranger"] ?? "",
    /^LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c$/,
  );
  const resources = { requests: { cpu: "10m", memory: "2Gi" }, limits: { cpu: "1", memory: "2Gi" } };
  await assert.rejects(createPod({ containers: [{ name: "c", resources }] }), {
    message:
      'pods "p" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
  });
  view.put(LimitRanges, {
    metadata: { name: "l", namespace: "a" },
    spec: {
      limits: [
        { type: "Pod", max: { cpu: "1" } },
        { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      ],
    },
  });
  const two = (cpu: string) => ({ name: cpu, resources: { requests: { cpu }, limits: { cpu } } });
  await assert.rejects(
    createPod({ containers: [two("600m"), two("500m")] }),
    /maximum cpu usage per Pod is 1, but limit is 1100m/,
  );
  await assert.rejects(
    createPod({ containers: [{ name: "c", resources: { requests: { cpu: "100m" }, limits: { cpu: "300m" } } }] }),
    /but provided ratio is 3/,
  );
});

test("pod security refuses what the namespace's level forbids, in upstream's words", async () => {
  const { view, createPod, write } = cluster();
  const bad = {
    hostNetwork: true,
    containers: [
      {
        name: "c",
        securityContext: { privileged: true, capabilities: { add: ["SYS_ADMIN"] } },
        ports: [{ hostPort: 80 }],
      },
    ],
    volumes: [{ name: "v", hostPath: { path: "/" } }],
  };
  await createPod(bad);
  label(view, { "pod-security.kubernetes.io/enforce": "baseline" });
  await assert.rejects(createPod(bad), {
    message:
      'pods "p" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add), host namespaces (hostNetwork=true), hostPath volumes (volume "v"), hostPort (container "c" uses hostPort 80), privileged (container "c" must not set securityContext.privileged=true)',
  });
  await createPod({});
  label(view, { "pod-security.kubernetes.io/enforce": "restricted" });
  await assert.rejects(createPod({ containers: [{ name: "a" }, { name: "b" }] }), {
    message:
      'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (containers "a", "b" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  });
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
  };
  const good = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [{ name: "c", securityContext }],
  };
  await createPod(good);
  await assert.rejects(
    createPod({ ...good, securityContext: { ...good.securityContext, runAsUser: 0 } }),
    /runAsUser=0 \(pod must not set runAsUser=0\)/,
  );
  const object = { metadata: { name: "d" }, spec: { template: { spec: bad } } };
  const { warnings } = await write({ path: "/apis/apps/v1/namespaces/a/deployments", kind: "Deployment", object });
  assert.match(warnings[0] ?? "", /^would violate PodSecurity "restricted:latest": host namespaces/);
  const odd = {
    path: "/api/v1/namespaces",
    kind: "Namespace",
    object: { metadata: { name: "n", labels: { [`${prefix}enforce`]: "strict" } } },
  };
  await assert.rejects(write(odd), {
    reason: "Invalid",
    message:
      'Namespace "n" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
  });
});

test("a namespace that becomes stricter warns of the pods that are there, and what would be wrong is recorded", async () => {
  const view = createMemoryView("a");
  const plugin = createPodSecurity(view);
  const bad = { containers: [{ name: "c", image: "i", securityContext: { privileged: true } }] };
  for (const name of ["b", "a"]) view.put(Pods, { metadata: { name, namespace: "a" }, spec: bad });
  const named = { name: "a" };
  const update = attributesFor({
    operation: "UPDATE",
    path: "/api/v1/namespaces/a",
    kind: "Namespace",
    object: { metadata: { ...named, labels: { [`${prefix}enforce`]: "baseline" } } },
    oldObject: { metadata: named },
  });
  await plugin.validate?.(update);
  assert.deepEqual(update.warnings, [
    'existing pods in namespace "a" violate the new PodSecurity enforce level "baseline:latest"',
    "a (and 1 other pod): privileged",
  ]);
  label(view, { [`${prefix}audit`]: "baseline", [`${prefix}audit-version`]: "v1.30" });
  const annotations: Record<string, string> = {};
  const annotate = (key: string, value: string) => {
    annotations[key] = value;
  };
  const object = { metadata: { name: "p", namespace: "a" }, spec: bad };
  await plugin.validate?.(attributesFor({ path: "/api/v1/namespaces/a/pods", kind: "Pod", object, annotate }));
  assert.deepEqual(annotations, {
    [`${prefix}enforce-policy`]: "privileged:latest",
    [`${prefix}audit-violations`]:
      'would violate PodSecurity "baseline:v1.30": privileged (container "c" must not set securityContext.privileged=true)',
  });
});

test("volumes and claims are protected while they are in use", async () => {
  const { write } = cluster();
  const { object } = await write({
    path: "/api/v1/namespaces/a/persistentvolumeclaims",
    kind: "PersistentVolumeClaim",
    object: { metadata: { name: "x" }, spec: {} },
  });
  assert.deepEqual(object?.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
});

test("only who may update the owner makes an object block its deletion", async () => {
  const { view, write } = cluster();
  view.put(Pods, { metadata: { name: "owner", namespace: "a" }, spec: { containers: [] } });
  const owner = { apiVersion: "v1", kind: "Pod", name: "owner", uid: "u" };
  const create = (blockOwnerDeletion: boolean, groups: string[]) =>
    write({
      path: "/api/v1/namespaces/a/configmaps",
      kind: "ConfigMap",
      object: { metadata: { name: "x", ownerReferences: [{ ...owner, blockOwnerDeletion }] } },
      principal: { name: "jane", groups },
    });
  await create(true, ["system:masters"]);
  await create(false, []);
  await assert.rejects(create(true, []), /cannot set blockOwnerDeletion/);
});

test("claims and ingresses without a class get the default one", async () => {
  const { view, write } = cluster();
  const claim = async (spec: object) => {
    const object = { metadata: { name: "x" }, spec };
    const { object: made } = await write({
      path: "/api/v1/namespaces/a/persistentvolumeclaims",
      kind: "PersistentVolumeClaim",
      object,
    });
    return (made as { spec?: { storageClassName?: string } }).spec?.storageClassName;
  };
  assert.equal(await claim({}), undefined);
  const annotations = {
    "storageclass.kubernetes.io/is-default-class": "true",
    "ingressclass.kubernetes.io/is-default-class": "true",
  };
  for (const [name, year] of [
    ["old", 2020],
    ["new", 2021],
  ] as const) {
    view.put(StorageClasses, {
      metadata: { name, annotations, creationTimestamp: `${year}-01-01T00:00:00Z` },
      provisioner: "p",
    });
  }
  assert.equal(await claim({}), "new");
  assert.equal(await claim({ storageClassName: "" }), "");
  const ingress = () =>
    write({
      path: "/apis/networking.k8s.io/v1/namespaces/a/ingresses",
      kind: "Ingress",
      object: { metadata: { name: "x" }, spec: {} },
    });
  view.put(IngressClasses, { metadata: { name: "one", annotations } });
  assert.deepEqual((await ingress()).object, { metadata: { name: "x" }, spec: { ingressClassName: "one" } });
  view.put(IngressClasses, { metadata: { name: "two", annotations } });
  await assert.rejects(ingress(), /2 default IngressClasses were found/);
});
