// A little of everything that workflows do, on a whole Capstan with real pods. Argo's own examples: ../argo.ts.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { RoleBindings, ServiceAccounts } from "@capstan/api/generated/resources";
import type { Workflow } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { type Client, createClient } from "@capstan/core/client";
import { openKubeconfig, type RemoteCluster } from "@capstan/core/wire";
import { nodeMissing } from "../../cluster/index.ts";
import { type Instance, startInstance } from "../../platform/instance.ts";
import { namespace, readExample, run, store } from "./examples.ts";

const skip = nodeMissing() ?? false;
const directory = join(import.meta.dirname, "subset");
const files = readdirSync(directory).map((file) => readExample(join(directory, file)));
const examples = await Promise.all(files);

let instance: Instance;
let cluster: RemoteCluster;
let client: Client;

before(async () => {
  if (skip) return;
  instance = startInstance();
  await instance.ready();
  cluster = await openKubeconfig(instance.kubeconfig);
  client = createClient(cluster.transport.handler);
  for (const name of ["maker", "reporter"]) await client.create(ServiceAccounts, { metadata: { namespace, name } });
  await client.create(RoleBindings, {
    metadata: { namespace, name: "maker" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
    subjects: [{ kind: "ServiceAccount", namespace, name: "maker" }],
  });
  for (const object of examples.flatMap(({ others }) => others)) assert.equal(await store(client, object), undefined);
});
after(async () => {
  cluster?.transport.close();
  await instance?.[Symbol.asyncDispose]();
});

async function check(workflow: New<Workflow>): Promise<void> {
  const { expect = "Succeeded", act } = workflow.metadata.annotations ?? {};
  const { phase, note } = await run(client, workflow, act ? { act } : {});
  assert.equal(phase, expect, note);
}

test("workflows come to what they must", { skip, concurrency: 4 }, async (all) => {
  await Promise.all(
    examples
      .flatMap(({ workflows }) => workflows)
      .map((workflow) => all.test(String(workflow.metadata.name), () => check(workflow))),
  );
});
