import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readHostRoot } from "./host-root.ts";

const base = mkdtempSync(join(tmpdir(), "capstan-host-"));
after(() => rmSync(base, { recursive: true, force: true }));

test("programs are shared; homes, other data and secrets are not", async () => {
  const root = await readHostRoot(join(base, "a"), []);
  const places = [...root.layers.map(({ at }) => at), ...root.links.map(({ name }) => name)];
  for (const wanted of ["/usr", "/etc", "/bin", "/var"]) assert.ok(places.includes(wanted), wanted);
  for (const place of places) assert.match(place, /^\/(bin|sbin|lib\w*|usr|etc|var|opt|srv|nix|gnu)$/);
  const empty = new Map(root.empty.map(({ path, mode }) => [path, mode]));
  assert.equal(empty.get("/root"), 0o700);
  assert.equal(empty.get("/tmp"), 0o1777);
  const shadow = lstatSync(join(base, "a/hide/etc/shadow"));
  assert.ok(shadow.isCharacterDevice() && shadow.rdev === 0);
  // Made again, it is the same: containers may be running on it.
  await readHostRoot(join(base, "a"), []);
  assert.equal(lstatSync(join(base, "a/hide/etc/shadow")).ino, shadow.ino);
});

test("directories on the way to what is hidden are opened up", async () => {
  const root = await readHostRoot(join(base, "b"), ["/var/lib/capstan", "/srv"]);
  const places = root.layers.map(({ at }) => at);
  assert.ok(!places.includes("/var") && !places.includes("/var/lib") && !places.includes("/srv"));
  assert.ok(places.includes("/var/cache") && places.some((place) => place.startsWith("/var/lib/")));
  assert.ok(!places.includes("/var/lib/capstan") && !places.includes("/var/backups"));
  const empty = new Map(root.empty.map(({ path, mode }) => [path, mode]));
  assert.deepEqual([empty.get("/var"), empty.get("/var/lib"), empty.get("/var/tmp")], [0o755, 0o755, 0o1777]);
});
