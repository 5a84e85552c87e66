// The transcript of Kuscia's own documentation of Domain, with kubectl against a running platform.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { kubectlMissing, runKubectl } from "@capstan/testing/cluster";
import { capstan, startInstance } from "./instance.ts";

const manifest = (podMaxCount: number) => `apiVersion: kuscia.secretflow/v1alpha1
kind: Domain
metadata:
  name: alice
spec:
  role: partner
  cert: base64<certificate>
  resourceQuota:
    podMaxCount: ${podMaxCount}
`;

test("create, update and clean up a Domain as its documentation shows", { skip: kubectlMissing() }, async () => {
  await using instance = startInstance();
  await instance.ready();
  const kubectl = (line: string, input?: string) =>
    runKubectl(["--kubeconfig", instance.kubeconfig, ...line.split(" ")], input, AbortSignal.timeout(60_000));

  const created = await kubectl("apply -f -", manifest(100));
  assert.equal(created.stdout, "domain.kuscia.secretflow/alice created\n", created.stderr);
  assert.match((await kubectl("get domain alice")).stdout, /^NAME +AGE\nalice +\d+s\n$/);
  await kubectl("wait --for=create resourcequota/resource-limitation -n alice --timeout=20s");
  assert.match((await kubectl("get namespace alice")).stdout, /^NAME +STATUS +AGE\nalice +Active +\d+s\n$/);
  const rows = /^NAME +(?:AGE +)?REQUEST +LIMIT(?: +AGE)?\nresource-limitation .*pods: 0\/100/;
  await kubectl("wait --for=jsonpath={.status.hard.pods}=100 resourcequota/resource-limitation -n alice --timeout=20s");
  assert.match((await kubectl("get resourcequota -n alice")).stdout, rows);

  const updated = await kubectl("apply -f -", manifest(200));
  assert.equal(updated.stdout, "domain.kuscia.secretflow/alice configured\n", updated.stderr);
  await kubectl("wait --for=jsonpath={.status.hard.pods}=200 resourcequota/resource-limitation -n alice --timeout=20s");
  assert.match((await kubectl("get resourcequota -n alice")).stdout, /pods: 0\/200/);

  assert.match((await kubectl("delete domain alice")).stdout, /^domain\.kuscia\.secretflow "alice" deleted\n$/);
  const gone = await kubectl("get domain alice");
  assert.equal(gone.stderr, 'Error from server (NotFound): domains.kuscia.secretflow "alice" not found\n');
  const label = "jsonpath={.metadata.labels.kuscia\\.secretflow/deleted}=true";
  await kubectl(`wait --for=${label} namespace/alice --timeout=20s`);
  assert.match(
    (await kubectl("get namespace alice -L kuscia.secretflow/deleted")).stdout,
    /^NAME +STATUS +AGE +DELETED\nalice +Active +\d+s +true\n$/,
  );
  assert.match((await kubectl("get resourcequota -n alice")).stdout, /pods: 0\/200/);

  await kubectl("apply -f -", manifest(50));
  await kubectl("wait --for=jsonpath={.status.hard.pods}=50 resourcequota/resource-limitation -n alice --timeout=20s");
  const revived = await kubectl("get namespace alice -L kuscia.secretflow/deleted");
  assert.doesNotMatch(revived.stdout, /true/);

  const purge = (...more: string[]) => capstan(["domain", "purge", "alice", "--data-dir", instance.directory, ...more]);
  assert.match((await purge("--yes")).stderr, /domain alice is not deleted; delete it first/);
  await kubectl("delete domain alice");
  await kubectl(`wait --for=${label} namespace/alice --timeout=20s`);
  assert.match((await purge()).stderr, /everything in namespace alice would be lost for good/);
  const listed = await capstan(["domain", "list", "--data-dir", instance.directory]);
  assert.match(listed.stdout, /^alice +deleted, data kept$/m);
  const purged = await purge("--yes");
  assert.equal(purged.code, 0, purged.stderr);
  assert.match((await kubectl("get namespace alice")).stderr, /NotFound/);
  // As after a kill between the namespace's end and the artifacts'.
  const artifacts = join(instance.directory, "artifacts", "alice");
  mkdirSync(artifacts, { recursive: true });
  assert.match((await purge()).stderr, /would be lost for good/);
  assert.equal((await purge("--yes")).code, 0);
  assert.equal(existsSync(artifacts), false);
  assert.match((await purge("--yes")).stderr, /there is no deleted domain alice/);
});
