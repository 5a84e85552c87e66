import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Secrets } from "@capstan/api/generated/resources";
import { type KubeObject, keyOf, StatusError } from "@capstan/api/meta";
import { deferred } from "@capstan/base/async";
import { createLogger, type LogRecord, silent } from "@capstan/base/log";
import { TestCluster } from "@capstan/testing/cluster";
import { createController, TerminalError } from "./index.ts";

const at = (name: string) => ({ namespace: "default", name });

test("a reconciler is called for its objects and for those that point at them, and sees what woke it", async () => {
  await using cluster = await TestCluster.start();
  const { client, informers } = cluster;
  const seen: string[] = [];
  const done = deferred();
  const controller = createController({
    name: "test",
    informers,
    log: silent,
    sources: [
      { resource: ConfigMaps },
      { resource: Secrets, keys: (secret: KubeObject) => [at(secret.metadata.labels?.of ?? "")] },
    ],
    async reconcile(ref) {
      const map = informers.informer(ConfigMaps).get(ref);
      const secrets = informers.informer(Secrets).list(ref.namespace).length;
      seen.push(`${keyOf(ref)} ${map?.data?.n ?? "-"} ${secrets}`);
      if (secrets > 0) done.resolve();
      return undefined;
    },
  });
  await client.create(ConfigMaps, { metadata: at("a"), data: { n: "1" } });
  cluster.run(controller);
  await client.create(Secrets, { metadata: { ...at("s"), labels: { of: "a" } } });
  await done.promise;
  assert.equal(seen.at(-1), "default/a 1 1");
});

test("errors are tried again, conflicts silently, terminal ones not; a key never runs twice at once", async () => {
  await using cluster = await TestCluster.start();
  const { client, informers } = cluster;
  const records: LogRecord[] = [];
  const runs: Record<string, number> = {};
  const settled = deferred();
  let active = 0;
  let most = 0;
  const controller = createController({
    name: "test",
    informers,
    log: createLogger((record) => records.push(record)),
    sources: [{ resource: ConfigMaps, when: ({ object }) => object.metadata.namespace === "default" }],
    async reconcile({ name }) {
      runs[name] = (runs[name] ?? 0) + 1;
      most = Math.max(most, ++active);
      await Promise.resolve();
      active--;
      if (name === "conflict" && runs[name] < 3) throw new StatusError("Conflict", "changed");
      if (name === "error" && runs[name] < 3) throw new Error("no luck");
      if (name === "terminal") throw new TerminalError("never");
      if (runs.conflict === 3 && runs.error === 3 && runs.terminal) settled.resolve();
      return undefined;
    },
  });
  for (const name of ["conflict", "error", "terminal"]) await client.create(ConfigMaps, { metadata: at(name) });
  cluster.run(controller);
  await settled.promise;
  assert.deepEqual(runs, { conflict: 3, error: 3, terminal: 1 });
  assert.deepEqual(records.map(({ level, fields }) => `${level} ${fields.key}`).sort(), [
    "error default/terminal",
    "warn default/error",
    "warn default/error",
  ]);
  assert.ok(most <= 4);
});

test("requeueAfter brings the key back without a change", async () => {
  await using cluster = await TestCluster.start();
  const { client, informers } = cluster;
  let runs = 0;
  const again = deferred();
  await client.create(ConfigMaps, { metadata: at("a") });
  cluster.run(
    createController({
      name: "test",
      informers,
      log: silent,
      sources: [{ resource: ConfigMaps }],
      async reconcile() {
        if (++runs < 3) return { requeueAfter: 1 };
        again.resolve();
        return undefined;
      },
    }),
  );
  await again.promise;
  assert.equal(runs, 3);
});
