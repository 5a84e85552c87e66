import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { RuntimeError } from "../cri.ts";
import { mappingOf, repositoryOf } from "./image-map.ts";
import { Images } from "./service.ts";

test("repositories lose tags, digests and Docker Hub's names", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const names = ["python", "python:3.11", "docker.io/library/python:3", `python@${digest}`, "docker.io/python"];
  for (const name of names) assert.equal(repositoryOf(name), "python", name);
  assert.equal(repositoryOf("localhost:5000/a/b:c"), "localhost:5000/a/b");
});

test("the first pattern that is the whole name wins", () => {
  const map = (pattern: string) => ({ pattern, rootfs: "host" });
  const mappings = [map("python:3.*"), map("python"), map("*/team/*")];
  const pattern = (name: string) => mappingOf(mappings, name)?.pattern;
  assert.equal(pattern("python:3.11"), "python:3.*");
  assert.equal(pattern("docker.io/library/python:3.11"), "python:3.*");
  assert.equal(pattern("python:2"), "python");
  assert.equal(pattern("registry/team/x:1"), "*/team/*");
  assert.equal(pattern("pythonic"), undefined);
});

test("built-in and mapped images are there; others say what helps", async () => {
  const images = new Images({
    directory: "/nonexistent",
    builtin: [{ name: "capstan/tool", entrypoint: ["tool"], env: { A: "1" } }],
    mappings: [{ pattern: "busybox:*", rootfs: "host", cmd: ["sh"] }],
    inProcess: ["capstan/executor"],
    inUse: () => [],
    log: silent,
  });
  assert.deepEqual(images.find("capstan/tool:v1")?.entrypoint, ["tool"]);
  assert.deepEqual(images.find("busybox:1")?.cmd, ["sh"]);
  assert.ok(images.find("capstan/host") && images.find("capstan/executor:latest"));
  assert.equal(await images.pullImage("busybox:1"), images.imageStatus("busybox:1")?.id);
  await assert.rejects(
    images.pullImage("No Name"),
    (error) => error instanceof RuntimeError && error.code === "InvalidImageName",
  );
});
