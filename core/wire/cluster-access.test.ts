import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Handler } from "@capstan/base/http";
import { openAuthority } from "../pki/index.ts";
import { openInCluster, openKubeconfig } from "./cluster-access.ts";
import { writeKubeconfig } from "./kubeconfig-file.ts";
import { serve } from "./server.ts";
import type { Transport } from "./transport.ts";

const who: Handler = async ({ headers, peer }) => ({
  status: 200,
  headers: {},
  body: JSON.stringify([headers.authorization, peer?.certificate?.commonName]),
});

async function place(t: { after(fn: () => Promise<void>): void }) {
  const directory = await mkdtemp(join(tmpdir(), "capstan-access-"));
  t.after(() => rm(directory, { recursive: true }));
  const authority = await openAuthority({ directory: join(directory, "pki") });
  const tls = await authority.issue({ commonName: "api", hosts: ["127.0.0.1"], usages: ["server"] });
  const server = await serve({ handler: who, port: 0, tls: { ...tls, clientCa: authority.cert } });
  t.after(() => server.close());
  return { directory, authority, server };
}
const ask = async ({ handler }: Transport) => {
  const { body } = await handler({ method: "GET", url: "/", headers: {}, signal: new AbortController().signal });
  return JSON.parse(Buffer.from(body as Uint8Array).toString());
};

test("a written kubeconfig is private and leads back to the cluster", async (t) => {
  const { directory, authority, server } = await place(t);
  const path = join(directory, "kubeconfig");
  const user = { name: "admin", ...(await authority.issue({ commonName: "admin", usages: ["client"] })) };
  await writeKubeconfig(path, { name: "capstan", server: server.url, ca: authority.cert, user, namespace: "team" });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const { transport, namespace } = await openKubeconfig(path);
  using _ = transport;
  assert.equal(namespace, "team");
  assert.deepEqual(await ask(transport), [null, "admin"]);
  await assert.rejects(openKubeconfig(path, "other"), /contexts has no "other"/);
});

test("a kubeconfig may name files beside it", async (t) => {
  const { directory, server } = await place(t);
  const cluster = { server: server.url, "certificate-authority": "pki/ca.crt" };
  const config = {
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: { token: "abc" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  await writeFile(join(directory, "config"), JSON.stringify(config));
  const { transport } = await openKubeconfig(join(directory, "config"));
  using _ = transport;
  assert.deepEqual(await ask(transport), ["Bearer abc", null]);
});

test("a pod's account takes a renewed token", async (t) => {
  const { directory, authority, server } = await place(t);
  const account = join(directory, "account");
  await mkdir(account);
  await writeFile(join(account, "ca.crt"), authority.cert);
  await writeFile(join(account, "namespace"), "team\n");
  await writeFile(join(account, "token"), "first");
  const { transport, namespace } = await openInCluster({
    host: "127.0.0.1",
    port: String(server.port),
    directory: account,
  });
  using _ = transport;
  assert.equal(namespace, "team");
  assert.deepEqual(await ask(transport), ["Bearer first", null]);
  await writeFile(join(account, "token"), "second");
  assert.deepEqual(await ask(transport), ["Bearer second", null]);
});
