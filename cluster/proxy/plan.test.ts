import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Service, ServiceSpec } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { isForKernel, tableOf } from "./kernel/rules.ts";
import { type Plan, planPod, planService } from "./plan.ts";

const nodeAddresses = ["127.0.0.1", "10.64.0.1"];

function service(spec: Partial<ServiceSpec>, annotations: Record<string, string> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "web", annotations },
    spec: { clusterIP: "10.64.128.5", ports: [{ port: 80, protocol: "TCP" }], ...spec },
  };
}
function slice(...endpoints: EndpointSlice["endpoints"]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "default", name: "web-1" },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
  };
}
const near = { addresses: ["10.64.0.2"], nodeName: "n1" };
const far = { addresses: ["192.0.2.9"] };
const plans = (one: Service, ...slices: EndpointSlice[]) =>
  planService(one, slices, { nodeAddresses }, (text) => problems.push(text));
let problems: string[] = [];
const shown = (all: Plan[]) =>
  all.map(({ frontends, settings }) => [
    frontends.map(({ host, port, kind }) => `${kind} ${host}:${port}`).join(" "),
    settings.backends.map(({ address, port }) => `${address}:${port}`).join(" "),
  ]);

test("headless and external names have nothing to serve; multi-port Services a plan for each port", () => {
  assert.deepEqual(plans(service({ clusterIP: "None" }), slice(near)), []);
  assert.deepEqual(plans(service({ type: "ExternalName" }), slice(near)), []);
  const ports = [
    { name: "a", port: 80, protocol: "TCP" },
    { name: "b", port: 53, protocol: "UDP" },
    { name: "c", port: 9, protocol: "SCTP" },
  ];
  assert.deepEqual(
    plans(service({ ports })).map(({ id }) => id),
    ["default/web TCP 80", "default/web UDP 53"],
  );
});

test("traffic policies part what comes from inside and from outside", () => {
  const ports = [{ port: 80, protocol: "TCP", nodePort: 30_080 }];
  const outside = service({ type: "NodePort", ports, externalTrafficPolicy: "Local", externalIPs: ["203.0.113.7"] });
  assert.deepEqual(shown(plans(outside, slice(near, far))), [
    ["cluster 10.64.128.5:80", "10.64.0.2:8080 192.0.2.9:8080"],
    ["node 127.0.0.1:30080 node 10.64.0.1:30080 external 203.0.113.7:80", "10.64.0.2:8080"],
  ]);
  const inside = service({ internalTrafficPolicy: "Local" });
  assert.deepEqual(shown(plans(inside, slice(near, far))), [["cluster 10.64.128.5:80", "10.64.0.2:8080"]]);
});

test("addresses that are none are left out, whoever wrote them", () => {
  const wrong = "10.0.0.1 }; flush ruleset; #";
  const spec = { externalIPs: [wrong, "2001:db8::1"], type: "LoadBalancer" };
  const status = { loadBalancer: { ingress: [{ ip: wrong }] } };
  const all = plans({ ...service(spec), status }, slice(near, { addresses: [wrong] }, { addresses: ["fe80::1"] }));
  assert.deepEqual(shown(all), [["cluster 10.64.128.5:80", "10.64.0.2:8080"]]);
});

test("a scheduler that there is not is told, and rr taken", () => {
  problems = [];
  const [plan] = plans(service({}, { "capstan.dev/scheduler": "best" }), slice(near));
  assert.equal(plan?.settings.scheduler, "rr");
  assert.match(problems.join(), /no scheduler best, taking rr; there are rr, wrr, lc/);
});

test("host ports of running pods, at the address that they name", () => {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "p", uid: "u" },
    spec: {
      containers: [
        {
          name: "c",
          ports: [
            { containerPort: 8080, hostPort: 80 },
            { containerPort: 53, hostPort: 53, hostIP: "0.0.0.0", protocol: "UDP" },
            { containerPort: 9 },
          ],
        },
      ],
    },
    status: { phase: "Running", podIP: "10.64.0.2" },
  };
  assert.deepEqual(shown(planPod(pod, { nodeAddresses })), [
    ["node 127.0.0.1:80 node 10.64.0.1:80", "10.64.0.2:8080"],
    ["node 0.0.0.0:53", "10.64.0.2:53"],
  ]);
  assert.deepEqual(planPod({ ...pod, spec: { ...pod.spec, hostNetwork: true } }, { nodeAddresses }), []);
  assert.deepEqual(planPod({ ...pod, status: { ...pod.status, phase: "Failed" } }, { nodeAddresses }), []);
});

test("a plan as packet rules: shares by weight, affinity by a set for each endpoint", () => {
  const network = { podCidr: "10.64.0.0/17", serviceCidr: "10.64.128.0/17" };
  const rules = (one: Service) => {
    const [plan] = plans(one, slice(near, far));
    assert.ok(plan && isForKernel(plan));
    const { chains, sets } = tableOf([{ plan, frontends: plan.frontends }], network);
    const lines = [...chains.values()].flat().map((line) => line.replaceAll(/s_[0-9a-f]{16}/g, "s"));
    return { lines, sets };
  };
  const weights = { "capstan.dev/scheduler": "wrr", "capstan.dev/weights": '{"10.64.0.2": 3}' };
  const weighted = rules(service({}, weights));
  assert.deepEqual(weighted.lines, [
    "meta l4proto tcp dnat ip to numgen inc mod 4 map { 0-2 : 10.64.0.2 . 8080, 3 : 192.0.2.9 . 8080 }",
  ]);
  assert.deepEqual([...(weighted.sets.get("hairpin")?.elements ?? [])], ["10.64.0.2 . 10.64.0.2"]);
  assert.deepEqual([...(weighted.sets.get("outside")?.elements ?? [])], ["192.0.2.9 . tcp . 8080"]);
  const sticky = service({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } });
  assert.deepEqual(rules(sticky).lines, [
    "update @s_10_64_0_2_8080_60 { ip saddr }",
    "meta l4proto tcp dnat ip to 10.64.0.2:8080",
    "update @s_192_0_2_9_8080_60 { ip saddr }",
    "meta l4proto tcp dnat ip to 192.0.2.9:8080",
    "ip saddr @s_10_64_0_2_8080_60 goto s_10_64_0_2_8080",
    "ip saddr @s_192_0_2_9_8080_60 goto s_192_0_2_9_8080",
    "numgen inc mod 2 vmap { 0 : goto s_10_64_0_2_8080, 1 : goto s_192_0_2_9_8080 }",
  ]);
});
