import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { admit } from "./admission.ts";

const node = {
  metadata: { name: "n", labels: { zone: "a" } },
  spec: { taints: [{ key: "k", effect: "NoExecute" }] },
  status: { allocatable: { cpu: "2", memory: "1Gi", pods: "3" } },
} as unknown as Node;

function pod(spec: Partial<PodSpec>, requests: Record<string, string> = {}, ports: object[] = []): Pod {
  const containers = [{ name: "c", image: "i", resources: { requests }, ports }];
  return { metadata: { name: "p" }, spec: { containers, tolerations: [{ operator: "Exists" }], ...spec } } as Pod;
}

test("a node takes what it has room for, and says what it lacks", () => {
  const half = pod({}, { cpu: "1500m" });
  assert.equal(admit(half, node, []), undefined);
  assert.deepEqual(admit(half, node, [half]), {
    reason: "OutOfcpu",
    message: "Node didn't have enough resource: cpu, requested: 1500, used: 1500, capacity: 2000",
  });
  assert.equal(admit(pod({}, { memory: "2Gi" }), node, [])?.reason, "OutOfmemory");
  assert.equal(admit(pod({}), node, [half, half, half])?.reason, "OutOfpods");
  assert.equal(admit(pod({}, { "example.com/unknown": "5" }), node, []), undefined);
  assert.equal(admit(half, node, [half], new Set(["cpu"])), undefined);
});

test("labels, ports, taints and the operating system", () => {
  assert.equal(admit(pod({ nodeSelector: { zone: "a" } }), node, []), undefined);
  assert.deepEqual(admit(pod({ nodeSelector: { zone: "b" } }), node, []), {
    reason: "NodeAffinity",
    message: "Predicate NodeAffinity failed",
  });
  assert.equal(admit(pod({ nodeName: "other" }), node, [])?.reason, "NodeName");
  const web = pod({}, {}, [{ containerPort: 80, hostPort: 8080 }]);
  const local = pod({}, {}, [{ containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1" }]);
  const udp = pod({}, {}, [{ containerPort: 80, hostPort: 8080, protocol: "UDP" }]);
  assert.equal(admit(web, node, [local])?.reason, "NodePorts");
  assert.equal(admit(web, node, [udp]), undefined);
  assert.equal(admit(pod({ tolerations: [] }), node, [])?.reason, "TaintToleration");
  const own = pod({ tolerations: [] });
  own.metadata.annotations = { "kubernetes.io/config.source": "file" };
  assert.equal(admit(own, node, []), undefined);
  assert.equal(admit(pod({ os: { name: "windows" } }), node, [])?.reason, "PodOSNotSupported");
});

test("a profile that the node would not enforce keeps a pod away", () => {
  const profile = (type: string) => ({ securityContext: { appArmorProfile: { type } } }) as Partial<PodSpec>;
  const told = { reason: "AppArmor", message: "Cannot enforce AppArmor: AppArmor is not enabled on the host" };
  assert.deepEqual(admit(pod(profile("RuntimeDefault")), node, []), told);
  const container = { name: "c", image: "i", ...profile("Localhost") } as PodSpec["containers"][number];
  assert.deepEqual(admit(pod({ containers: [container] }), node, []), told);
  assert.deepEqual(admit(pod({ initContainers: [container] }), node, []), told);
  assert.equal(admit(pod(profile("Unconfined")), node, []), undefined);
  const noted = pod({});
  noted.metadata.annotations = { "container.apparmor.security.beta.kubernetes.io/c": "runtime/default" };
  assert.deepEqual(admit(noted, node, []), told);
});
