import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service, ServiceSpec } from "@capstan/api/generated/core-v1";
import { Services } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";

test("a health check port comes and goes with the policy that needs it, and with it what only that type has", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const metadata = { namespace: "default", name: "web" };
  const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ port: 80 }] };
  const made = await client.create(Services, { metadata, spec } as unknown as Service);
  const port = made.spec.healthCheckNodePort ?? 0;
  assert.ok(port >= 30_000 && port <= 32_767);
  const again = await client.update(Services, { ...made, metadata: { ...made.metadata, labels: { a: "b" } } });
  assert.equal(again.spec.healthCheckNodePort, port);
  const plain = await client.patch(Services, metadata, { type: "merge", body: { spec: { type: "ClusterIP" } } });
  for (const field of ["healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"] as const)
    assert.equal(plain.spec[field], undefined, field);
  // The port is free again.
  const wanted = { ...spec, healthCheckNodePort: port };
  await client.create(Services, { metadata: { ...metadata, name: "other" }, spec: wanted } as unknown as Service);
});

test("what is not supported is refused by its field", async () => {
  await using cluster = await TestCluster.start();
  const cases: [Partial<ServiceSpec>, RegExp][] = [
    [{ ports: [{ port: 80, protocol: "SCTP" }] }, /spec.ports\[0\].protocol: Unsupported value: "SCTP"/],
    [{ ipFamilyPolicy: "RequireDualStack" }, /spec.ipFamilyPolicy: Invalid value: "RequireDualStack"/],
    [{ ipFamilies: ["IPv6"] }, /spec.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster/],
    [{ externalTrafficPolicy: "Local" }, /spec.externalTrafficPolicy: Invalid value: "Local": may only be set/],
    [{ internalTrafficPolicy: "Some" }, /spec.internalTrafficPolicy: Unsupported value: "Some"/],
    [{ trafficDistribution: "Far" }, /spec.trafficDistribution: Unsupported value: "Far"/],
    [{ type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/8"] }, /spec.loadBalancerSourceRanges: Forbidden/],
    [
      { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 90_000 } } },
      /timeoutSeconds: Invalid value: 90000: must be greater than 0/,
    ],
  ];
  for (const [spec, expected] of cases) {
    const object = { metadata: { namespace: "default", name: "x" }, spec: { ports: [{ port: 80 }], ...spec } };
    await assert.rejects(cluster.client.create(Services, object), (error) => {
      assert.ok(error instanceof StatusError);
      assert.match(error.message, expected);
      return true;
    });
  }
});
