// Filters of system calls as pods ask for them, on a node that has them and on one that has not.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SeccompProfile } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { nodeMissing, startTestNode, TestCluster } from "@capstan/testing/cluster";
import { programsMissing } from "@capstan/testing/programs";

const skip = nodeMissing() ?? programsMissing("runc");
const script = "grep -q '^Seccomp:.*2$' /proc/self/status && echo filtered; mkdir /tmp/made && echo made";

/** What the only container of a pod came to: its output's words, or why it waits. */
async function outcome(cluster: TestCluster, nodeName: string, profile?: SeccompProfile): Promise<string> {
  const name = `${nodeName}-${(profile?.type ?? "none").toLowerCase()}`;
  const container = {
    name: "c",
    image: "capstan/host",
    command: ["sh", "-c", `(${script}) >/dev/termination-log 2>/dev/null; true`],
    ...(profile ? { securityContext: { seccompProfile: profile } } : {}),
  };
  await cluster.client.create(Pods, {
    metadata: { namespace: "default", name },
    spec: { nodeName, restartPolicy: "Never", containers: [container] },
  });
  const done = await cluster.until(Pods, { namespace: "default", name }, (pod) => {
    const state = pod?.status?.containerStatuses?.[0]?.state;
    return state?.terminated !== undefined || /Error$/.test(state?.waiting?.reason ?? "");
  });
  const { terminated, waiting } = done?.status?.containerStatuses?.[0]?.state ?? {};
  return terminated?.message ?? `${waiting?.reason}: ${waiting?.message}`;
}

test("a profile holds where it can, and is refused by name where it cannot", { skip }, async () => {
  await using cluster = await TestCluster.start();
  await using strong = await startTestNode(cluster, { name: "strong", launcher: "runc" });
  await using weak = await startTestNode(cluster, { name: "weak", launcher: "unshare" });
  mkdirSync(join(strong.dataDir, "node/seccomp"), { recursive: true });
  const denied = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" };
  const content = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [denied] };
  writeFileSync(join(strong.dataDir, "node/seccomp/none.json"), JSON.stringify(content));
  const local = (localhostProfile: string) => ({ type: "Localhost", localhostProfile });
  assert.match(await outcome(cluster, strong.name), /^filtered\nmade\n/);
  assert.match(await outcome(cluster, strong.name, { type: "Unconfined" }), /^made\n/);
  assert.equal(await outcome(cluster, strong.name, local("none.json")), "filtered\n");
  assert.match(await outcome(cluster, weak.name), /^made\n/);
  assert.match(
    await outcome(cluster, weak.name, { type: "RuntimeDefault" }),
    /^CreateContainerError: seccompProfile.type RuntimeDefault: .* needs runc and root$/,
  );
  assert.match(
    await outcome(cluster, weak.name, local("none.json")),
    /^CreateContainerError: seccompProfile.type Localhost/,
  );
});
