// A store that is found damaged: what can be read is served, what cannot be is told, nothing is written, and a way on.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, Namespaces } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { type Client, createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { askStatus } from "../../apps/capstan/instance/control.ts";
import { capstan, type Instance, startInstance, untilOutput } from "./instance.ts";

const names = ["one", "two", "three"];

async function connect({ kubeconfig }: Instance): Promise<AsyncDisposable & { client: Client }> {
  const { transport } = await openKubeconfig(kubeconfig);
  return { client: createClient(transport.handler), [Symbol.asyncDispose]: async () => transport.close() };
}

/** A cluster with some objects, stopped. */
async function build(directory: string): Promise<void> {
  await using instance = startInstance({ directory, keep: true });
  await instance.ready();
  await using cluster = await connect(instance);
  for (const name of names) {
    const data = { text: `what ${name} says` };
    await cluster.client.create(ConfigMaps, { metadata: { namespace: "default", name }, data });
  }
}

/** Writes over a text wherever it is in a file. */
function strike(path: string, text: string): void {
  const data = readFileSync(path);
  for (let at = data.indexOf(text); at >= 0; at = data.indexOf(text, at)) data.fill("#", at, at + text.length);
  writeFileSync(path, data);
}

const refusal = (run: Promise<unknown>): Promise<StatusError> =>
  run.then(
    () => assert.fail("it was answered"),
    (error: unknown) => {
      assert.ok(error instanceof StatusError, String(error));
      return error;
    },
  );

/** Starts what cannot start as usual. */
async function startDamaged(directory: string): Promise<Instance> {
  const instance = startInstance({ directory, keep: true });
  await untilOutput(instance.process, instance.output, /only reads/, "stderr");
  return instance;
}

test("a damaged store is served read-only, says what is lost, and can be saved and restored", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-damaged-"));
  const directory = join(root, "data");
  const store = join(directory, "store", "data.mdb");
  try {
    await build(directory);
    strike(store, "what two says");
    {
      await using instance = await startDamaged(directory);
      await using cluster = await connect(instance);
      await checkPartly(cluster.client);
      const status = await askStatus(join(directory, "control.sock"));
      assert.equal(status?.ready, false);
      assert.match(
        status?.parts.find(({ name }) => name === "store")?.message ?? "",
        /damaged.*default\/two.*--salvage/,
      );
      const refused = await capstan(["backup", join(root, "file"), "--data-dir", directory]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /is damaged.*--salvage/);
      const saved = await capstan(["backup", join(root, "file"), "--salvage", "--data-dir", directory]);
      assert.equal(saved.code, 0, saved.stderr);
    }
    assert.match(readFileSync(join(directory, "logs", "capstan.log"), "utf8"), /configmaps\/default\/two/);
    truncateSync(store, 100);
    {
      await using instance = await startDamaged(directory);
      await using cluster = await connect(instance);
      const error = await refusal(cluster.client.list(ConfigMaps, { namespace: "default" }));
      assert.match(error.message, /the store is damaged here/);
      assert.equal((await refusal(cluster.client.get(Namespaces, { name: "default" }))).code, 500);
    }
    const restored = await capstan(["restore", join(root, "file"), "--replace", "--data-dir", directory]);
    assert.equal(restored.code, 0, restored.stderr);
    await using instance = startInstance({ directory, keep: true });
    await instance.ready();
    await using cluster = await connect(instance);
    const { items } = await cluster.client.list(ConfigMaps, { namespace: "default" });
    const kept = items.map(({ metadata }) => metadata.name).filter((name) => names.includes(name));
    assert.deepEqual(kept.sort(), ["one", "three"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

async function checkPartly(client: Client): Promise<void> {
  const one = await client.get(ConfigMaps, { namespace: "default", name: "one" });
  assert.equal(one.data?.text, "what one says");
  const lost = await refusal(client.get(ConfigMaps, { namespace: "default", name: "two" }));
  assert.deepEqual([lost.code, lost.reason], [500, "InternalError"]);
  assert.match(lost.message, /configmaps\/default\/two" on disk is damaged/);
  const absent = await refusal(client.get(ConfigMaps, { namespace: "default", name: "twofold" }));
  assert.equal(absent.reason, "NotFound");
  const listed = await refusal(client.list(ConfigMaps, { namespace: "default" }));
  assert.match(listed.message, /configmaps\/default\/two/);
  const others = await client.list(ConfigMaps, { namespace: "kube-system" });
  assert.ok(others.resourceVersion !== undefined);
  const write = await refusal(client.create(ConfigMaps, { metadata: { namespace: "default", name: "more" } }));
  assert.deepEqual([write.code, write.reason], [503, "ServiceUnavailable"]);
  assert.match(write.message, /read-only.*damaged.*capstan restore/);
  const health = await refusal(client.request({ url: "/readyz" }));
  assert.match(health.message, /\[-\]etcd failed: the store is damaged and read-only, 1 parts of it are lost/);
}
