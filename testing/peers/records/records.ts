// The contract of the records on a real PostgreSQL: node testing/peers/run.ts records. Needs Debian's package postgresql.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { type Workflow, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { createRecords } from "@capstan/core/records";
import { createWorkflowController } from "@capstan/operators/workflow";
import { TestCluster } from "../../cluster/index.ts";
import { testRecords } from "../../contracts/index.ts";
import { createFakeKubelet } from "../../workflow/index.ts";
import { findPostgres, startPostgres } from "./postgres.ts";

const programs = findPostgres();
if (!programs) test("records on PostgreSQL", { skip: "PostgreSQL's server is not installed (Debian: postgresql)" });
else {
  const server = await startPostgres(programs);
  after(() => server[Symbol.asyncDispose]());
  testRecords("postgres", async () => ({ url: server.createDatabase() }));

  test("postgres: what one cluster frees, another hears of at once", async () => {
    const url = server.createDatabase();
    await using here = createRecords({ database: { url }, cluster: "here" });
    await using there = createRecords({ database: { url }, cluster: "there" });
    const [mine, others] = [(await here.open()).locks, (await there.open()).locks];
    const mutex = [{ kind: "mutex" as const, name: "global/m" }];
    const order = { priority: 0, createdAt: "2026-01-01T00:00:00Z" };
    assert.equal((await mine.acquire("a/wf", mutex, order)).held, true);
    const waiting = await others.acquire("a/wf", mutex, order);
    assert.deepEqual(waiting, { held: false, waitsFor: mutex[0], holders: ["a/wf"], limit: 1 });
    const heard = new Promise<void>((resolve) => others.onFreed(resolve));
    await mine.release("a/wf");
    await heard;
    assert.equal((await others.acquire("a/wf", mutex, order)).held, true);
  });

  test("postgres: a mutex of two clusters lets one workflow run after the other, whosever it is", async () => {
    const url = server.createDatabase();
    let running = 0;
    let most = 0;
    const start = async (name: string) => {
      const records = createRecords({ database: { url }, cluster: name });
      const made = await TestCluster.start({
        async parts(cluster) {
          const { client, informers, log } = cluster;
          for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
          const kubelet = createFakeKubelet(cluster, () => {
            most = Math.max(most, ++running);
            return { until: new Promise<void>((resolve) => setImmediate(resolve)).then(() => void running--) };
          });
          return [createWorkflowController({ client, informers, log, records }), kubelet];
        },
      });
      return { cluster: made, records };
    };
    const clusters = [await start("one"), await start("two")];
    const mutexes = [{ name: "m", namespace: "global", database: true }];
    const templates = [{ name: "main", container: { image: "busybox", command: ["true"] } }];
    const spec = { entrypoint: "main", synchronization: { mutexes }, templates };
    const refs = ["a", "b", "c"].map((name) => ({ namespace: "default", name }));
    const all = clusters.flatMap(({ cluster }) => refs.map((ref) => ({ cluster, ref })));
    await Promise.all(all.map(({ cluster, ref }) => cluster.client.create(Workflows, { metadata: ref, spec })));
    for (const { cluster, ref } of all) {
      const over = await cluster.until(Workflows, ref, (found) => found?.status?.finishedAt != null);
      assert.equal(over?.status?.phase, "Succeeded", over?.status?.message);
    }
    assert.equal(most, 1);
    for (const { cluster, records } of clusters) {
      await cluster[Symbol.asyncDispose]();
      await records[Symbol.asyncDispose]();
    }
  });

  test("postgres: a server that ends and comes back is used again, and what others free is heard again", async () => {
    const url = server.createDatabase();
    await using here = createRecords({ database: { url }, cluster: "here", inactiveAfter: 2000 });
    await using there = createRecords({ database: { url }, cluster: "there", inactiveAfter: 2000 });
    const [mine, others] = [await here.open(), await there.open()];
    const mutex = [{ kind: "mutex" as const, name: "global/m" }];
    const order = { priority: 0, createdAt: "2026-01-01T00:00:00Z" };
    assert.equal((await mine.locks.acquire("a/wf", mutex, order)).held, true);
    assert.equal((await others.locks.acquire("a/wf", mutex, order)).held, false);
    await server.restart();
    const workflow = { metadata: { name: "w", uid: "u" }, spec: {}, status: {} } as Workflow;
    await mine.archive.add([workflow]);
    assert.equal((await others.archive.search({ name: "w" })).items.length, 0);
    assert.equal((await mine.archive.search({ name: "w" })).items.length, 1);
    const heard = new Promise<void>((resolve) => {
      const stop = others.locks.onFreed(async () => {
        if (!(await others.locks.acquire("a/wf", mutex, order)).held) return;
        stop();
        resolve();
      });
    });
    await mine.locks.release("a/wf");
    await heard;
  });

  test("postgres: several processes make the tables at once", async () => {
    const url = server.createDatabase();
    const all = Array.from({ length: 4 }, (_, n) => createRecords({ database: { url }, cluster: `c${n}` }));
    await Promise.all(all.map((records) => records.open()));
    for (const records of all) await records[Symbol.asyncDispose]();
  });
}
