// A node that joins a Domain with its token, as a process of its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { Domains } from "@capstan/api/kinds/domain";
import { silent } from "@capstan/base/log";
import { createClient, readText, waitFor } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { nodeAddress } from "../../apps/capstan/platform/agent.ts";
import { createNodeRenewal, servingPair } from "../../apps/capstan/platform/node-renewal.ts";
import { capstan, startInstance } from "./instance.ts";

const root = process.getuid?.() === 0 ? false : "pods of several nodes on one machine need root";
const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;

test("a node joins with a Domain's token, runs pods, and is told by the Domain", { skip: root }, async () => {
  await using instance = startInstance();
  const { addresses } = await instance.ready();
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const signal = AbortSignal.timeout(60_000);
  await client.create(Domains, { metadata: { name: "alice" }, spec: {} });
  const domain = await waitFor(
    client,
    Domains,
    { name: "alice" },
    ({ status }) => !!status?.deployTokenStatuses,
    signal,
  );
  const token = domain.status?.deployTokenStatuses?.[0]?.token ?? "";
  const directory = mkdtempSync(join(tmpdir(), "capstan-join-"));
  const ca = join(instance.directory, "pki", "ca.crt");
  const words = ["join", "--server", addresses.api ?? "", "--ca", ca, "--name", "worker", "--dir", directory];
  const child = spawn(process.execPath, [bin, ...words, "--token", token], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    const ready = ({ status }: { status?: { conditions?: { type: string; status: string }[] } }) =>
      status?.conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
    const node = await waitFor(client, Nodes, { name: "worker" }, ready, signal);
    assert.equal(node.metadata.labels?.["kuscia.secretflow/namespace"], "alice");
    await waitFor(
      client,
      Domains,
      { name: "alice" },
      ({ status }) => status?.nodeStatuses?.[0]?.status === "Ready",
      signal,
    );
    const containers = [{ name: "main", image: "capstan/host", command: ["sh", "-c", "echo from the worker"] }];
    const ref = { namespace: "default", name: "p" };
    await client.create(Pods, { metadata: ref, spec: { nodeName: "worker", restartPolicy: "Never", containers } });
    await waitFor(client, Pods, ref, ({ status }) => status?.phase === "Succeeded", signal);
    const log = await client.request({ method: "GET", url: "/api/v1/namespaces/default/pods/p/log" });
    assert.equal(await readText(log), "from the worker\n");
    const there = { nodeSelector: { "kuscia.secretflow/namespace": "alice" }, containers, restartPolicy: "Never" };
    const stranger = { namespace: "default", name: "stranger" };
    await client.create(Pods, { metadata: stranger, spec: there });
    const own = { namespace: "alice", name: "own" };
    await client.create(Pods, { metadata: own, spec: there });
    await waitFor(client, Pods, own, ({ status }) => status?.phase === "Succeeded", signal);
    const refused = await waitFor(client, Pods, stranger, ({ status }) => !!status?.conditions?.length, signal);
    assert.match(refused.status?.conditions?.[0]?.message ?? "", /untolerated taint/);
    await renewAll(directory);
    const again = await capstan([...words.slice(0, -1), `${directory}-2`, "--token", token]);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /the token .* is not known, or is used/);
  } finally {
    child.kill("SIGTERM");
    await ended;
    transport.close();
    rmSync(directory, { recursive: true, force: true });
    rmSync(`${directory}-2`, { recursive: true, force: true });
  }
});

/** As after two thirds of the certificates' life: the node's own rights are enough for new ones. */
async function renewAll(directory: string): Promise<void> {
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  const { transport, ca = "" } = await openKubeconfig(join(directory, "kubeconfig"));
  const client = createClient(transport.handler);
  const serving = { cert: read("node.crt"), key: read("node.key") };
  const before = read("kubeconfig");
  const { network } = JSON.parse(read("agent.json"));
  const stop = new AbortController();
  const joiner = { name: "worker", address: nodeAddress(network), signal: stop.signal };
  let looks = 0;
  let pair = serving;
  const renewal = createNodeRenewal({
    directory,
    joiner,
    client,
    transport,
    serving,
    apply: (fresh) => {
      pair = fresh;
      stop.abort();
    },
    log: silent,
    clock: () => Date.now() + (looks++ < 3 ? 300 * 86_400_000 : 0),
  });
  await renewal.start(stop.signal);
  assert.notEqual(pair.cert, serving.cert);
  assert.equal(read("node.crt"), pair.cert);
  assert.ok(new X509Certificate(pair.cert).verify(new X509Certificate(ca).publicKey));
  assert.notEqual(read("kubeconfig"), before);
  // With the new certificate: nodes read themselves.
  assert.equal((await client.get(Nodes, { name: "worker" })).metadata.name, "worker");
  transport.close();
  writeFileSync(join(directory, "node.key"), serving.key);
  const again = await openKubeconfig(join(directory, "kubeconfig"));
  const fits = await servingPair(directory, { ...pair, key: serving.key }, createClient(again.transport.handler), {
    ...joiner,
    signal: AbortSignal.timeout(20_000),
  });
  assert.ok(new X509Certificate(fits.cert).checkPrivateKey(createPrivateKey(fits.key)));
  again.transport.close();
}
