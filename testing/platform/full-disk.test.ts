// A disk that fills up while the platform runs: writes are refused with the reason, reads go on, a restart finds all.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { askStatus } from "../../apps/capstan/instance/control.ts";
import { startInstance } from "./instance.ts";

const skip = process.getuid?.() === 0 ? false : "mounting a small disk needs root";
const names = (items: { metadata: { name: string } }[]) => items.map(({ metadata }) => metadata.name);

test("a full disk is told, and costs nothing that was acknowledged", { skip }, async () => {
  const mount = mkdtempSync(join(tmpdir(), "capstan-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", mount]);
  try {
    const directory = join(mount, "data");
    const acknowledged = await fillWhileRunning(mount, directory);
    rmSync(join(mount, "ballast"));
    await using instance = startInstance({ directory, keep: true });
    await instance.ready();
    const { transport } = await openKubeconfig(instance.kubeconfig);
    const { items } = await createClient(transport.handler).list(ConfigMaps, { namespace: "default" });
    transport.close();
    for (const name of acknowledged) assert.ok(names(items).includes(name), `${name} was acknowledged`);
  } finally {
    execFileSync("umount", ["-l", mount]);
    rmSync(mount, { recursive: true });
  }
});

/** @returns the names of the objects that were acknowledged. */
async function fillWhileRunning(mount: string, directory: string): Promise<string[]> {
  await using instance = startInstance({ directory, keep: true });
  await instance.ready();
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const acknowledged: string[] = [];
  const write = async (index: number) => {
    const data = { text: randomBytes(375_000).toString("base64") };
    await client.create(ConfigMaps, { metadata: { namespace: "default", name: `c${index}` }, data });
    acknowledged.push(`c${index}`);
  };
  await write(0);
  // The rest of the disk, and one page more than that.
  assert.throws(() => writeFileSync(join(mount, "ballast"), Buffer.alloc(64 * 2 ** 20)), /ENOSPC/);
  const refused = await write(1).then(
    () => assert.fail("the disk took more than it has"),
    (error) => error,
  );
  assert.ok(refused instanceof StatusError);
  assert.match(refused.message, /full: free some space and restart/);
  const { items } = await client.list(ConfigMaps, { namespace: "default" });
  assert.ok(names(items).includes("c0"));
  const status = await askStatus(join(directory, "control.sock"));
  assert.equal(status?.ready, false);
  assert.match(status?.parts.find((part) => part.name === "store")?.message ?? "", /full/);
  transport.close();
  return acknowledged;
}
