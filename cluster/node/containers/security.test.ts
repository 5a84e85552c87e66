import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodSecurityContext, SecurityContext } from "@capstan/api/generated/core-v1";
import { ConfigError, securityOf } from "./security.ts";

const of = (own: SecurityContext, shared: PodSecurityContext = {}) => {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [], securityContext: shared },
  };
  return securityOf(pod, { name: "c", securityContext: own }, "/node/seccomp");
};

test("a container's own settings go before the pod's", () => {
  const shared = { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] };
  const { user, group, supplementalGroups } = of({ runAsUser: 5 }, shared);
  assert.deepEqual([user, group, supplementalGroups], ["5", 2, [4, 3]]);
  assert.throws(() => of({ runAsNonRoot: true, runAsUser: 0 }), ConfigError);
});

test("profiles of system calls are the node's, and no path leads out of their directory", () => {
  assert.equal(of({}).seccomp, undefined);
  const shared = { seccompProfile: { type: "RuntimeDefault" } };
  assert.deepEqual(of({}, shared).seccomp, { type: "RuntimeDefault" });
  assert.deepEqual(of({ seccompProfile: { type: "Unconfined" } }, shared).seccomp, { type: "Unconfined" });
  const local = (localhostProfile?: string) => of({ seccompProfile: { type: "Localhost", localhostProfile } }).seccomp;
  assert.deepEqual(local("a/b.json"), { type: "Localhost", path: "/node/seccomp/a/b.json" });
  for (const path of [undefined, "", "/etc/passwd", "../x", "a/../../x"]) assert.throws(() => local(path), ConfigError);
});
