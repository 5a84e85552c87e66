import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkPolicySpec } from "@capstan/api/generated/networking-v1";
import { FieldErrors } from "../field-errors.ts";
import { checkNetworkPolicy } from "./network-policies.ts";

const messages = (spec: Partial<NetworkPolicySpec>) => {
  const errors = new FieldErrors();
  const metadata = { namespace: "n", name: "p" };
  checkNetworkPolicy(
    { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec: { podSelector: {}, ...spec } },
    errors,
  );
  return errors.causes.map(({ field, message }) => `${field}: ${message}`);
};
const peer = (cidr: string, ...except: string[]) => ({ ingress: [{ from: [{ ipBlock: { cidr, except } }] }] });
const port = (one: object) => ({ egress: [{ ports: [{ protocol: "TCP", ...one }] }] });

test("policies that mean something pass", () => {
  assert.deepEqual(messages({ policyTypes: ["Ingress", "Egress"], ...peer("10.0.0.0/8", "10.1.0.0/16") }), []);
  assert.deepEqual(messages(peer("2001:db8::/32", "2001:db8:1::/48")), []);
  assert.deepEqual(messages(port({ port: 80, endPort: 90 })), []);
  assert.deepEqual(messages(port({ port: "http" })), []);
});

test("others are refused by the field that is wrong", () => {
  const cases: [Partial<NetworkPolicySpec>, RegExp][] = [
    [{ policyTypes: ["In"] }, /^spec.policyTypes\[0\]: Unsupported value: "In": supported values: "Egress", "Ingress"/],
    [{ ingress: [{ from: [{}] }] }, /^spec.ingress\[0\].from\[0\]: Required value: must specify a peer/],
    [
      { egress: [{ to: [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] }] },
      /^spec.egress\[0\].to\[0\]: Forbidden: may not specify both ipBlock and another peer/,
    ],
    [peer("10.0.0.0"), /from\[0\].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value/],
    [
      peer("10.0.0.0/8", "11.0.0.0/16"),
      /except\[0\]: Invalid value: "11.0.0.0\/16": must be a strict subset of `cidr`/,
    ],
    [peer("2001:db8::/32", "2001:db9::/48"), /strict subset/],
    [port({ port: 80, endPort: 70 }), /endPort: Invalid value: 70: must be greater than or equal to `port`/],
    [
      port({ port: "http", endPort: 70 }),
      /endPort: Invalid value: 70: may not be specified when `port` is non-numeric/,
    ],
    [port({ endPort: 70 }), /endPort: Invalid value: 70: may not be specified when `port` is not specified/],
    [port({ port: 70_000 }), /port: Invalid value: 70000: must be between 1 and 65535/],
  ];
  for (const [spec, expected] of cases) assert.match(messages(spec).join("\n"), expected);
});
