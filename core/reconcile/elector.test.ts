import assert from "node:assert/strict";
import { test } from "node:test";
import { Leases } from "@capstan/api/generated/resources";
import { aborted, deferred } from "@capstan/base/async";
import { silent } from "@capstan/base/log";
import { TestCluster } from "@capstan/testing/cluster";
import { createElector } from "./index.ts";

test("one candidate leads at a time, and the next takes over when it stops", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const lease = { namespace: "kube-system", name: "test" };
  let leading = 0;
  const candidate = (identity: string) => {
    const stop = new AbortController();
    const leads = deferred();
    const elector = createElector({ client, lease, identity, log: silent, duration: 300 });
    const ended = elector.start(stop.signal, async (signal) => {
      assert.equal(++leading, 1);
      leads.resolve();
      await aborted(signal);
      leading--;
    });
    const giveUp = () => {
      stop.abort();
      return ended;
    };
    return { leads: leads.promise, stop: giveUp };
  };
  const first = candidate("first");
  await first.leads;
  const second = candidate("second");
  assert.equal((await client.get(Leases, lease)).spec.holderIdentity, "first");
  await first.stop();
  await second.leads;
  const { spec } = await client.get(Leases, lease);
  assert.deepEqual([spec.holderIdentity, (spec.leaseTransitions ?? 0) > 0], ["second", true]);
  await second.stop();
  assert.equal((await client.get(Leases, lease)).spec.holderIdentity, "");
});
