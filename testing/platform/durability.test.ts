// kill -9 while clients write: what was acknowledged is there after the next start.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import { type Client, createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { startInstance } from "./instance.ts";

const writers = 8;
const acknowledgedBeforeKill = 200;

test("nothing acknowledged is lost, and revisions never go back", async () => {
  const acknowledged = new Map<string, number>();
  let directory: string;
  {
    await using instance = startInstance({ keep: true });
    directory = instance.directory;
    await instance.ready();
    await using cluster = await connect(instance.kubeconfig);
    const enough = Promise.withResolvers<void>();
    const writing = Array.from({ length: writers }, (_, writer) =>
      writeUntilError(cluster.client, writer, (name, revision) => {
        acknowledged.set(name, revision);
        if (acknowledged.size === acknowledgedBeforeKill) enough.resolve();
      }),
    );
    await enough.promise;
    await instance.kill();
    await Promise.all(writing);
  }
  await using instance = startInstance({ directory });
  await instance.ready();
  await using cluster = await connect(instance.kubeconfig);
  const { items, resourceVersion } = await cluster.client.list(ConfigMaps, { namespace: "default" });
  const present = new Map(items.map(({ metadata }) => [metadata.name, Number(metadata.resourceVersion)]));
  for (const [name, revision] of acknowledged) assert.equal(present.get(name), revision, `${name} was acknowledged`);
  assert.ok(Number(resourceVersion) >= Math.max(...acknowledged.values()));
});

async function connect(kubeconfig: string): Promise<AsyncDisposable & { client: Client }> {
  const { transport } = await openKubeconfig(kubeconfig);
  return { client: createClient(transport.handler), [Symbol.asyncDispose]: async () => transport.close() };
}

/** Creates objects until the server is gone; `told` hears of each that was acknowledged. */
async function writeUntilError(client: Client, writer: number, told: (name: string, revision: number) => void) {
  for (let index = 0; ; index++) {
    const name = `w${writer}-${index}`;
    try {
      const { metadata } = await client.create(ConfigMaps, {
        metadata: { namespace: "default", name },
        data: { index: `${index}` },
      });
      told(name, Number(metadata.resourceVersion));
    } catch (error) {
      assert.match(String(error), /cannot reach|socket|broke|closed|aborted/i);
      return;
    }
  }
}
