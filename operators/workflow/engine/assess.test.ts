import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStateTerminated, Pod } from "@capstan/api/generated/core-v1";
import { dependencyFailed } from "@capstan/api/kinds/workflow-pod";
import { assess } from "./assess.ts";

const podOf = (phase: string, ends: Record<string, Partial<ContainerStateTerminated> | undefined>, set?: string): Pod =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", annotations: set ? { "capstan.dev/main-containers": set } : {} },
    spec: { containers: Object.keys(ends).map((name) => ({ name })) },
    status: {
      phase,
      containerStatuses: Object.entries(ends).map(([name, end]) => ({
        name,
        state: end ? { terminated: { exitCode: 0, reason: "Error", ...end } } : { running: {} },
      })),
    },
  }) as unknown as Pod;

test("a container of a set that never ran is left out, whoever held it back", () => {
  const left = { exitCode: 64, message: dependencyFailed };
  const seen = assess(podOf("Failed", { wait: { exitCode: 1 }, main: left, a: { exitCode: 3 } }, "main,a"), undefined);
  assert.deepEqual([seen?.phase, seen?.message, seen?.exitCode], ["Failed", "a: Error (exit code 3)", undefined]);
  assert.deepEqual(seen?.containers.main, { phase: "Omitted", message: dependencyFailed });
  assert.equal(seen?.containers.a?.phase, "Failed");
});

test("a container that could not be started ends its step, though the pod goes on", () => {
  const lost = { exitCode: 128, reason: "StartError", message: "no such directory" };
  const seen = assess(podOf("Running", { wait: undefined, main: lost }), undefined);
  assert.deepEqual(
    [seen?.phase, seen?.message, seen?.exitCode],
    ["Failed", "main: StartError (exit code 128): no such directory", "128"],
  );
  assert.equal(assess(podOf("Running", { wait: undefined, main: { exitCode: 1 } }), undefined)?.phase, "Running");
});
