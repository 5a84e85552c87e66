import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImagePolicySpec } from "@capstan/api/kinds/image-policy";
import { compilePolicy } from "./policy.ts";

const policy = (spec: ImagePolicySpec) =>
  compilePolicy({ apiVersion: "capstan.dev/v1alpha1", kind: "ImagePolicy", metadata: { name: "p" }, spec });

const rewrites = [
  { from: "docker.io/library/redis", to: "cache.example.com/redis" },
  { from: "docker.io", to: "mirror.example.com/docker" },
  { from: "gcr.io", to: "mirror.example.com/gcr" },
  { from: "quay.io", to: "mirror.example.com:5000/quay" },
  { from: "registry.k8s.io", to: "mirror.example.com/k8s" },
  { from: "ghcr.io/team", to: "mirror.example.com/team" },
];
const digest = `sha256:${"a".repeat(64)}`;

const table: [image: string, renamed: string | undefined][] = [
  ["nginx", "mirror.example.com/docker/library/nginx"],
  ["nginx:1.27", "mirror.example.com/docker/library/nginx:1.27"],
  ["bitnami/kafka:3", "mirror.example.com/docker/bitnami/kafka:3"],
  ["index.docker.io/library/nginx", "mirror.example.com/docker/library/nginx"],
  [`nginx@${digest}`, `mirror.example.com/docker/library/nginx@${digest}`],
  [`quay.io/org/app:v1@${digest}`, `mirror.example.com:5000/quay/org/app:v1@${digest}`],
  ["redis", "cache.example.com/redis"],
  ["redis:7", "cache.example.com/redis:7"],
  ["docker.io/library/redis-stack", "mirror.example.com/docker/library/redis-stack"],
  ["gcr.io/google-containers/pause:3.9", "mirror.example.com/gcr/google-containers/pause:3.9"],
  ["us.gcr.io/x/y", undefined],
  ["registry.k8s.io/pause:3.9", "mirror.example.com/k8s/pause:3.9"],
  ["ghcr.io/team/app", "mirror.example.com/team/app"],
  ["ghcr.io/teams/app", undefined],
  ["mirror.example.com/docker/library/nginx", undefined],
  ["localhost:5000/mine", undefined],
];
for (const [image, renamed] of table) {
  test(`${image} becomes ${renamed ?? "nothing else"}`, () => {
    assert.equal(policy({ rewrites }).rewrite(image), renamed);
  });
}

const taken: [spec: ImagePolicySpec, image: string, why: RegExp | undefined][] = [
  [{ allow: ["mirror.example.com/**"] }, "mirror.example.com/a/b:1", undefined],
  [{ allow: ["mirror.example.com/**"] }, "nginx", /does not allow docker.io\/library\/nginx:latest/],
  [{ allow: ["docker.io/library/*"] }, "nginx:1", undefined],
  [{ allow: ["docker.io/*"] }, "nginx:1", /does not allow/],
  [{ allow: ["docker.io/library/nginx:1.*"] }, "nginx:1.27", undefined],
  [{ allow: ["docker.io/library/nginx:1.*"] }, "nginx:2", /does not allow/],
  [{ deny: ["**:latest"] }, "nginx", /denies docker.io\/library\/nginx:latest: \*\*:latest/],
  [{ deny: ["docker.io/library/nginx"], allow: ["**"] }, "nginx:1", /denies/],
  [{ deny: ["docker.io/library/nginx"] }, `nginx@${digest}`, /denies/],
  [{ deny: ["docker.io/library/nginx"] }, "nginx-unit", undefined],
];
for (const [spec, image, why] of taken) {
  test(`${JSON.stringify(spec)} ${why ? "refuses" : "takes"} ${image}`, () => {
    const refusal = policy(spec).refusal(image);
    if (why) assert.match(refusal ?? "", why);
    else assert.equal(refusal, undefined);
  });
}

test("rules that would never end, and texts that are no names, are refused by field", () => {
  const wrong = (from: string, to: string) => () => policy({ rewrites: [{ from, to }] });
  assert.throws(wrong("docker.io", "docker.io/mirror"), /spec.rewrites\[0\].to: .* would be rewritten again/);
  assert.throws(wrong("docker.io", "mirror"), /would be rewritten again/);
  assert.throws(wrong("docker.io", "mirror.example.com/a b"), /spec.rewrites\[0\].to: .* is no registry/);
  assert.throws(() => policy({ allow: ["a", "a b"] }), /spec.allow\[1\]: "a b" is no pattern/);
  assert.throws(() => policy({ deny: ["a".repeat(513)] }), /spec.deny\[0\]: .* at most 512 characters/);
});

test("many stars and a long name end", () => {
  const deny = [`${"**a".repeat(100)}**b`];
  assert.equal(policy({ deny }).refusal(`x.io/${"a".repeat(250)}`), undefined);
});
