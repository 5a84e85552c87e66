// Against Debian's docker-registry.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { programsMissing } from "@capstan/testing/programs";
import { account, basic, makeImage, makeIndex, TestRegistry } from "@capstan/testing/registry";
import { createImageLookup } from "./lookup.ts";

const skip = programsMissing("docker-registry");
const layers = [[{ path: "a", content: "a" }]];
let open: TestRegistry | undefined;
let guarded: TestRegistry | undefined;
before(async () => {
  if (skip) return;
  [open, guarded] = await Promise.all([TestRegistry.start(), TestRegistry.start({ auth: "htpasswd" })]);
});
after(async () => {
  await open?.[Symbol.asyncDispose]();
  await guarded?.[Symbol.asyncDispose]();
});

test("what an image runs is read without its layers; of an index the machine's own, else the first", {
  skip,
}, async () => {
  using lookup = createImageLookup();
  const registry = open as TestRegistry;
  const config = { Entrypoint: ["/run"], Cmd: ["-v"] };
  const name = await registry.push("team/tool:1", makeImage({ layers, config }));
  const { entrypoint, cmd } = await lookup.find(name, []);
  assert.deepEqual([entrypoint, cmd], [["/run"], ["-v"]]);
  const other = makeImage({ layers, architecture: "sparc", config: { Cmd: ["other"] } });
  const both = await registry.push("team/both", makeIndex([other, makeImage({ layers, config: { Cmd: ["mine"] } })]));
  assert.deepEqual((await lookup.find(both, [])).cmd, ["mine"]);
  const foreign = await registry.push("team/foreign", makeIndex([other]));
  assert.deepEqual((await lookup.find(foreign, [])).cmd, ["other"]);
  await assert.rejects(lookup.find(`${registry.host}/nowhere`, []), /not found/);
});

test("credentials are tried one after another", { skip }, async () => {
  using lookup = createImageLookup();
  const registry = guarded as TestRegistry;
  const name = await registry.push("team/secret:1", makeImage({ layers, config: { Cmd: ["x"] } }), basic);
  await assert.rejects(lookup.find(name, []), /imagePullSecrets/);
  const wrong = { username: account.username, password: "wrong" };
  assert.deepEqual((await lookup.find(name, [wrong, account])).cmd, ["x"]);
});
