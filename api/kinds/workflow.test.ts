import assert from "node:assert/strict";
import { test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { CronWorkflows, Workflows, WorkflowTaskResults, workflowDefinitions } from "./workflow.ts";

async function start() {
  return TestCluster.start({
    async parts({ client }) {
      for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
      return [];
    },
  });
}
const post = (cluster: TestCluster, spec: unknown, validation: string) =>
  cluster.client.request({
    method: "POST",
    url: `/apis/argoproj.io/v1alpha1/namespaces/default/workflows?fieldValidation=${validation}`,
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(
      JSON.stringify({ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { generateName: "w-" }, spec }),
    ),
  });

test("unknown fields of specs and templates are refused by path; a container's are kept for the operator", async () => {
  await using cluster = await start();
  const message = async (spec: unknown) => {
    try {
      await post(cluster, spec, "Strict");
      return "";
    } catch (error) {
      return StatusError.from(error).message;
    }
  };
  assert.match(await message({ entrypiont: "x" }), /unknown field "spec\.entrypiont"/);
  assert.match(
    await message({ templates: [{ name: "a", contaner: {} }] }),
    /unknown field "spec\.templates\[0\]\.contaner"/,
  );
  assert.match(
    await message({ templates: [{ name: "a", steps: [[{ name: "s", tmplate: "x" }]] }] }),
    /unknown field "spec\.templates\[0\]\.steps\[0\]\[0\]\.tmplate"/,
  );
  assert.equal(await message({ templates: [{ name: "a", container: { image: "i", unheard: 1 } }] }), "");
  assert.match(await message({ parallelism: "many" }), /spec\.parallelism/);
});

test("what upstream takes is taken as it is, and status is written with spec", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const spec = {
    entrypoint: "m",
    arguments: {
      parameters: [
        { name: "n", value: 3 },
        { name: "b", value: true },
        { name: "t", value: "x" },
      ],
    },
    templates: [
      {
        name: "m",
        activeDeadlineSeconds: "{{workflow.parameters.n}}",
        retryStrategy: { limit: "2" },
        steps: [[{ name: "s", inline: { container: { image: "i" } }, withItems: [1, "a", { k: [1] }, [2]] }]],
      },
    ],
    volumes: [{ name: "v", emptyDir: {} }],
  };
  const ref = { namespace: "default", name: "w" };
  const made = await client.create(Workflows, { metadata: ref, spec: spec as never });
  assert.deepEqual(made.spec, spec);
  const written = await client.update(Workflows, { ...made, status: { phase: "Running", nodes: {} } });
  assert.equal(written.status?.phase, "Running");
  await client.create(WorkflowTaskResults, { metadata: ref, outputs: { result: "x" } });
  assert.deepEqual((await client.get(WorkflowTaskResults, ref)).outputs, { result: "x" });
  const cron = {
    metadata: { namespace: "default", name: "c" },
    spec: { schedules: ["* * * * *"], workflowSpec: spec as never },
  };
  assert.deepEqual((await client.create(CronWorkflows, cron)).spec, cron.spec);
});

test("kubectl prints workflows as upstream's", async () => {
  await using cluster = await start();
  const table = await cluster.client.request({
    url: "/apis/argoproj.io/v1alpha1/namespaces/default/workflows",
    headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  });
  const body = JSON.parse(
    typeof table.body === "string" ? table.body : await new Response(table.body as BodyInit).text(),
  );
  assert.deepEqual(
    body.columnDefinitions.map(({ name }: { name: string }) => name),
    ["Name", "Status", "Age", "Message"],
  );
});
