import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, CustomResourceDefinitions, Namespaces } from "@capstan/api/generated/resources";
import {
  type Synchronization,
  type Workflow,
  type WorkflowSpec,
  Workflows,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import { createRecords, type Records } from "@capstan/core/records";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { createLockTable, createWorkflowController } from "./index.ts";

/** A cluster whose pods run until they are let go, by node name. */
class Stage implements AsyncDisposable {
  readonly order: string[] = [];
  most = 0;
  #running = 0;
  readonly #directory = mkdtempSync(join(tmpdir(), "capstan-locks-"));
  readonly records: Records = createRecords({
    database: { file: join(this.#directory, "records.db") },
    cluster: "here",
  });
  cluster!: TestCluster;
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();
  readonly #held: (node: string) => boolean;

  private constructor(held: (node: string) => boolean) {
    this.#held = held;
  }

  static async start(held: (node: string) => boolean = () => false): Promise<Stage> {
    const stage = new Stage(held);
    stage.cluster = await TestCluster.start({
      async parts(cluster) {
        for (const definition of workflowDefinitions)
          await cluster.client.create(CustomResourceDefinitions, definition);
        return createFakeKubelet(cluster, (node) => ({ until: stage.#run(node) }));
      },
    });
    return stage;
  }

  /** Starts an operator; answers how to end it. */
  operate(): () => Promise<void> {
    const { client, informers, log } = this.cluster;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.cluster.signal]);
    const ended = createWorkflowController({ client, informers, log, records: this.records }).start(signal);
    return async () => {
      stop.abort();
      await ended;
    };
  }

  async #run(node: string): Promise<void> {
    this.order.push(node);
    this.most = Math.max(this.most, ++this.#running);
    await (this.#held(node) ? this.#gate(node).promise : new Promise<void>((resolve) => setImmediate(resolve)));
    this.#running--;
  }
  #gate(node: string) {
    const gate = this.#gates.get(node) ?? Promise.withResolvers<void>();
    this.#gates.set(node, gate);
    return gate;
  }
  letGo(node: string): void {
    this.#gate(node).resolve();
  }

  async make(name: string, spec: WorkflowSpec): Promise<void> {
    await this.cluster.client.create(Workflows, { metadata: { namespace: "default", name }, spec });
  }
  async until(name: string, wanted: (workflow: Workflow) => boolean): Promise<Workflow> {
    const ref = { namespace: "default", name };
    return (await this.cluster.until(Workflows, ref, (found) => found !== undefined && wanted(found))) as Workflow;
  }
  ended(name: string): Promise<Workflow> {
    return this.until(name, ({ status }) => status?.finishedAt != null);
  }

  async [Symbol.asyncDispose]() {
    await this.cluster[Symbol.asyncDispose]();
    await this.records[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const container = { image: "busybox", command: ["true"] };
const whole = (synchronization: Synchronization, more: Partial<WorkflowSpec> = {}): WorkflowSpec => ({
  entrypoint: "main",
  synchronization,
  templates: [{ name: "main", container }],
  ...more,
});
const step = (synchronization: Synchronization): WorkflowSpec => ({
  entrypoint: "main",
  templates: [{ name: "main", container, synchronization }],
});
const waits = ({ status }: Workflow) => (status?.message ?? "").startsWith("Waiting for");
const nodeWaits = ({ status, metadata }: Workflow) =>
  /Lock status: 0\/1/.test(status?.nodes?.[metadata.name]?.message ?? "");
const database: Synchronization = { mutexes: [{ name: "m", database: true }] };

const kinds: Record<string, Synchronization> = {
  "of the database": database,
  local: { mutexes: [{ name: "m" }] },
};
for (const [kind, lock] of Object.entries(kinds)) {
  test(`mutex ${kind}: one after the other, by priority and then by age`, async () => {
    await using stage = await Stage.start((node) => node === "first");
    stage.operate();
    await stage.make("first", whole(lock));
    await stage.until("first", ({ status }) => status?.phase === "Running");
    for (const [name, priority] of [
      ["old", 0],
      ["high", 5],
      ["young", 0],
    ] as const) {
      await stage.make(name, whole(lock, { priority }));
      const waiting = await stage.until(name, (one) => /Lock status: 0\/1/.test(one.status?.message ?? ""));
      const full = kind === "local" ? "default/Mutex/m" : "default/Database/m";
      assert.equal(waiting.status?.message, `Waiting for ${full} lock. Lock status: 0/1`);
      assert.deepEqual(waiting.status?.synchronization?.mutex?.waiting, [{ mutex: full, holder: "default/first" }]);
    }
    stage.letGo("first");
    for (const name of ["first", "old", "high", "young"]) {
      const { status } = await stage.ended(name);
      assert.equal(status?.phase, "Succeeded", status?.message);
      assert.deepEqual(status?.synchronization?.mutex?.holding, []);
    }
    // Ages are seconds: those of the same second go by name.
    assert.deepEqual(stage.order.slice(0, 2), ["first", "high"]);
    assert.equal(stage.most, 1);
  });

  test(`mutex ${kind}: who waits or holds and is stopped or deleted frees it for the others`, async () => {
    await using stage = await Stage.start((node) => node === "holds");
    stage.operate();
    await stage.make("holds", step(lock));
    await stage.until("holds", ({ status }) => status?.nodes?.holds?.phase === "Running");
    for (const name of ["a-stopped", "b-deleted", "c-terminated", "d-last"]) {
      await stage.make(name, step(lock));
      await stage.until(name, nodeWaits);
    }
    const { client } = stage.cluster;
    for (const [name, shutdown] of [
      ["a-stopped", "Stop"],
      ["c-terminated", "Terminate"],
    ] as const) {
      await client.patch(Workflows, { namespace: "default", name }, { type: "merge", body: { spec: { shutdown } } });
      assert.equal((await stage.ended(name)).status?.phase, "Failed");
    }
    await client.delete(Workflows, { namespace: "default", name: "b-deleted" });
    await client.delete(Workflows, { namespace: "default", name: "holds" });
    assert.equal((await stage.ended("d-last")).status?.phase, "Succeeded");
    assert.deepEqual(stage.order, ["holds", "d-last"]);
    stage.letGo("holds");
  });

  test(`mutex ${kind}: still held after a restart of the operator`, async () => {
    await using stage = await Stage.start((node) => node === "a");
    const stop = stage.operate();
    await stage.make("a", step(lock));
    await stage.until("a", ({ status }) => status?.nodes?.a?.phase === "Running");
    await stop();
    await stage.make("b", step(lock));
    stage.operate();
    const waiting = await stage.until("b", nodeWaits);
    assert.match(waiting.status?.nodes?.b?.synchronizationStatus?.waiting ?? "", /^default\/(Mutex|Database)\/m$/);
    stage.letGo("a");
    for (const name of ["a", "b"]) assert.equal((await stage.ended(name)).status?.phase, "Succeeded");
    assert.deepEqual(stage.order, ["a", "b"]);
  });
}

test("a workflow that ended while no operator ran holds nothing any more", async () => {
  await using stage = await Stage.start((node) => node === "a");
  const stop = stage.operate();
  await stage.make("a", whole(database));
  await stage.until("a", ({ status }) => status?.phase === "Running");
  await stop();
  await stage.cluster.client.delete(Workflows, { namespace: "default", name: "a" });
  await stage.make("b", whole(database));
  stage.operate();
  assert.equal((await stage.ended("b")).status?.phase, "Succeeded");
  stage.letGo("a");
});

test("several locks of both kinds, in any order, never lock each other out", async () => {
  await using stage = await Stage.start();
  stage.operate();
  const locks = [{ name: "x", database: true }, { name: "y" }, { name: "z", database: true }];
  const names = Array.from({ length: 8 }, (_, n) => `wf-${n}`);
  for (const [n, name] of names.entries()) {
    const mutexes = n % 2 ? locks.toReversed() : n % 3 ? locks : locks.slice(1);
    await stage.make(name, whole({ mutexes }));
  }
  for (const name of names) assert.equal((await stage.ended(name)).status?.phase, "Succeeded");
  assert.equal(stage.most, 1);
  assert.deepEqual(await (await stage.records.open()).locks.holders(), []);
});

test("a semaphore of the database has the limit that is set, and without one the step says how to set it", async () => {
  await using stage = await Stage.start((node) => node.startsWith("held"));
  stage.operate();
  const semaphore: Synchronization = { semaphores: [{ database: { key: "gpu" } }] };
  await stage.make("none", step(semaphore));
  const none = await stage.ended("none");
  assert.equal(none.status?.phase, "Error");
  assert.match(none.status?.message ?? "", /default\/Database\/gpu .*sync create gpu -n default/);
  const { locks } = await stage.records.open();
  await locks.setLimit("default/gpu", 2);
  for (const name of ["held-1", "held-2", "held-3"]) await stage.make(name, step(semaphore));
  const waiting = await Promise.any(
    ["held-1", "held-2", "held-3"].map((name) =>
      stage.until(name, (one) => /0\/2/.test(one.status?.nodes?.[name]?.message ?? "")),
    ),
  );
  const { name } = waiting.metadata;
  await locks.setLimit("default/gpu", 3);
  await stage.until(name, ({ status }) => status?.nodes?.[name]?.phase === "Running");
  for (const one of ["held-1", "held-2", "held-3"]) stage.letGo(one);
  for (const one of ["held-1", "held-2", "held-3"]) assert.equal((await stage.ended(one)).status?.phase, "Succeeded");
  assert.equal(stage.most, 3);
});

test("a semaphore's ConfigMap may be another namespace's, and a larger limit counts at once", async () => {
  await using stage = await Stage.start((node) => node.startsWith("held"));
  const { client } = stage.cluster;
  const there = { namespace: "there", name: "sizes" };
  await client.create(Namespaces, { metadata: { name: "there" }, spec: {} });
  await client.create(ConfigMaps, { metadata: there, data: { gpu: "1" } });
  stage.operate();
  const configMapKeyRef = { name: "sizes", key: "gpu" };
  const spec = step({ semaphores: [{ configMapKeyRef, namespace: "there" }] });
  await stage.make("held-1", spec);
  await stage.until("held-1", ({ status }) => status?.nodes?.["held-1"]?.phase === "Running");
  await stage.make("held-2", spec);
  const waiting = await stage.until("held-2", nodeWaits);
  assert.deepEqual(waiting.status?.synchronization?.semaphore?.waiting, [
    { semaphore: "there/ConfigMap/sizes/gpu", holders: ["default/held-1/held-1"] },
  ]);
  await client.patch(ConfigMaps, there, { type: "merge", body: { data: { gpu: "2" } } });
  await stage.until("held-2", ({ status }) => status?.nodes?.["held-2"]?.phase === "Running");
  for (const name of ["held-1", "held-2"]) stage.letGo(name);
  for (const name of ["held-1", "held-2"]) assert.equal((await stage.ended(name)).status?.phase, "Succeeded");
});

test("one lock asked for twice is refused, and a database that is not there is named", async () => {
  await using stage = await Stage.start();
  const { client, informers, log } = stage.cluster;
  stage.cluster.run(createWorkflowController({ client, informers, log }));
  await stage.make("twice", whole({ mutexes: [{ name: "m" }, { name: "m" }] }));
  assert.match((await stage.ended("twice")).status?.message ?? "", /mutex default\/Mutex\/m is asked for twice/);
  await stage.make("none", whole(database));
  assert.match((await stage.ended("none")).status?.message ?? "", /default\/Database\/m needs a database/);
  assert.equal(waits(await stage.ended("none")), false);
});

test("whoever frees a lock wakes those who are next, not all who wait", () => {
  const woken: string[] = [];
  const table = createLockTable((holder) => woken.push(holder));
  const order = (n: number, priority = 0) => ({ priority, createdAt: String(n).padStart(6, "0") });
  const mutex = (name: string, limit = 1) => [{ kind: "mutex" as const, name: `d/Mutex/${name}`, limit }];
  const count = 2000;
  assert.equal(table.acquire("d/0", mutex("m"), order(0)), undefined);
  for (let n = 1; n < count; n++) assert.ok(table.acquire(`d/${n}`, mutex("m"), order(n)));
  for (let n = 0; n < count - 1; n++) {
    woken.length = 0;
    table.release(`d/${n}`);
    assert.deepEqual(woken, [`d/${n + 1}`]);
    assert.equal(table.acquire(`d/${n + 1}`, mutex("m"), order(n + 1)), undefined);
  }
  table.release(`d/${count - 1}`);
  // Two places are free at once; the second in the queue goes when the first has gone.
  for (const n of [1, 2]) assert.equal(table.acquire(`d/h${n}`, mutex("s", 2), order(n)), undefined);
  for (const n of [3, 4, 5]) assert.ok(table.acquire(`d/w${n}`, mutex("s", 2), order(n, n === 5 ? 9 : 0)));
  woken.length = 0;
  table.release("d/h1");
  assert.deepEqual(woken, ["d/w5"]);
  table.release("d/h2");
  assert.deepEqual(woken, ["d/w5", "d/w5", "d/w3"]);
  assert.ok(table.acquire("d/w4", mutex("s", 2), order(4)));
  assert.equal(table.acquire("d/w5", mutex("s", 2), order(5, 9)), undefined);
  assert.equal(table.acquire("d/w3", mutex("s", 2), order(3)), undefined);
});

test("many who wait for one lock of the database ask it a few times each", async () => {
  await using stage = await Stage.start();
  let asked = 0;
  const records: Records = {
    shared: false,
    async open() {
      const open = await stage.records.open();
      const acquire: typeof open.locks.acquire = (...given) => {
        asked++;
        return open.locks.acquire(...given);
      };
      return { ...open, locks: { ...open.locks, acquire } };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const { client, informers, log } = stage.cluster;
  stage.cluster.run(createWorkflowController({ client, informers, log, records }));
  const names = Array.from({ length: 30 }, (_, n) => `wf-${n}`);
  await Promise.all(names.map((name) => stage.make(name, whole(database))));
  for (const name of names) assert.equal((await stage.ended(name)).status?.phase, "Succeeded");
  assert.equal(stage.most, 1);
  assert.ok(asked <= 4 * names.length, `${asked} questions for ${names.length} workflows`);
});
