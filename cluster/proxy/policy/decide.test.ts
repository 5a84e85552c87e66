import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkPolicySpec } from "@capstan/api/generated/networking-v1";
import { compilePolicies, type PolicyPod } from "./compile.ts";
import { allowsConnection } from "./decide.ts";

const pod = (ip: string, namespace: string, app: string): PolicyPod => ({
  ip,
  namespace,
  labels: { app },
  ports: [{ name: "http", protocol: "tcp", port: 8080 }],
});
const pods = [pod("10.0.0.2", "a", "web"), pod("10.0.0.3", "a", "db"), pod("10.0.0.4", "b", "web")];
const dns: PolicyPod = {
  ip: "10.1.0.10",
  namespace: "kube-system",
  labels: { "k8s-app": "kube-dns" },
  ports: [{ name: "dns", protocol: "udp", port: 53 }],
  free: true,
};

function allowed(
  specs: NetworkPolicySpec[],
  source: string,
  destination: string,
  port = 8080,
  protocol: "tcp" | "udp" = "tcp",
) {
  const policies = specs.map((spec, index) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace: "a", name: `p${index}` },
    spec,
  }));
  const namespaceLabels = (name: string) => ({ "kubernetes.io/metadata.name": name });
  const compiled = compilePolicies({ policies, pods: [...pods, dns], namespaceLabels });
  return allowsConnection(compiled, { source, destination, port, protocol });
}

const [web, db, far] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"];
const everybody = {};

test("policies add up: what one of them lets through passes", () => {
  const deny: NetworkPolicySpec = { podSelector: everybody, policyTypes: ["Ingress"] };
  const fromWeb: NetworkPolicySpec = {
    podSelector: { matchLabels: { app: "db" } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
  };
  assert.equal(allowed([], far, db), true);
  assert.equal(allowed([deny], web, db), false);
  assert.equal(allowed([deny, fromWeb], web, db), true);
  // A pod selector alone means pods of the policy's own namespace.
  assert.equal(allowed([deny, fromWeb], far, db), false);
  assert.equal(allowed([deny], far, far), true);
  assert.equal(allowed([deny], db, db), true);
});

test("types follow from the rules, where they are not said", () => {
  const egress: NetworkPolicySpec = { podSelector: everybody, egress: [{ to: [{ podSelector: {} }] }] };
  assert.equal(allowed([egress], web, far), false);
  // Ingress counts in any case.
  assert.equal(allowed([egress], far, web), false);
  assert.equal(allowed([{ podSelector: everybody, egress: [] }], web, far), true);
});

test("names of ports are those of the pod that is talked to, and names resolve where that is let through", () => {
  const spec: NetworkPolicySpec = {
    podSelector: everybody,
    policyTypes: ["Egress"],
    egress: [
      { ports: [{ port: "http" }] },
      {
        to: [
          {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
            podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
          },
        ],
        ports: [{ port: 53, protocol: "UDP" }],
      },
    ],
  };
  assert.equal(allowed([spec], web, far), true);
  assert.equal(allowed([spec], web, far, 9090), false);
  assert.equal(allowed([spec], web, dns.ip, 53, "udp"), true);
  assert.equal(allowed([spec], web, dns.ip, 53, "tcp"), false);
  // The name server itself is never held back.
  assert.equal(allowed([{ podSelector: everybody, policyTypes: ["Egress"] }], dns.ip, far), true);
});

test("blocks and their exceptions, ranges and other protocols", () => {
  const spec: NetworkPolicySpec = {
    podSelector: everybody,
    policyTypes: ["Egress"],
    egress: [
      {
        to: [{ ipBlock: { cidr: "192.0.2.0/24", except: ["192.0.2.128/25"] } }, { ipBlock: { cidr: "2001:db8::/32" } }],
        ports: [{ protocol: "TCP", port: 8000, endPort: 8100 }],
      },
    ],
  };
  assert.equal(allowed([spec], web, "192.0.2.5"), true);
  assert.equal(allowed([spec], web, "192.0.2.200"), false);
  assert.equal(allowed([spec], web, "192.0.2.5", 8101), false);
  assert.equal(allowed([spec], web, "192.0.2.5", 8080, "udp"), false);
});
