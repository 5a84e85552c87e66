// The README's first command: from nothing to a prediction, stopped, started again, and killed on the way.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { createClient, waitFor } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { programsMissing } from "@capstan/testing/programs";
import { type Instance, startInstance, untilOutput } from "./instance.ts";

const skip = programsMissing("bash", "curl");
const shell = promisify(execFile);
const predictLine = /^Predict +(curl .*)$/m;

/** Runs the printed line as a person would. */
async function predict(instance: Instance): Promise<{ species: string; probabilities: number[] }> {
  const [, line = ""] = predictLine.exec(instance.output.stdout) ?? [];
  const { stdout } = await shell("bash", ["-c", line.replace("curl ", "curl -s ")]);
  return JSON.parse(stdout).predictions[0];
}

const clientOf = async (instance: Instance) => {
  const { transport } = await openKubeconfig(instance.kubeconfig);
  return { client: createClient(transport.handler), [Symbol.dispose]: () => transport.close() };
};

test("the first start ends in a prediction, and so does the second", { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-quickstart-"));
  {
    await using instance = startInstance({ directory, args: [], keep: true });
    await untilOutput(instance.process, instance.output, predictLine);
    const { species, probabilities } = await predict(instance);
    assert.equal(species, "Gentoo");
    assert.equal(probabilities.length, 3);
    assert.ok(Math.abs(probabilities.reduce((sum, one) => sum + one, 0) - 1) < 1e-6);
    using access = await clientOf(instance);
    const workflow = await access.client.get(Workflows, { namespace: "quickstart", name: "penguins-1" });
    assert.ok(accuracyOf(workflow) >= 0.95, `held-out accuracy ${accuracyOf(workflow)}`);
    assert.equal(await instance.stop(), 0);
  }
  await using again = startInstance({ directory, args: [] });
  await untilOutput(again.process, again.output, predictLine);
  assert.equal((await predict(again)).species, "Gentoo");
  assert.doesNotMatch(again.output.stdout, /gbdt/, "the quickstart runs once");
});

test("a kill in the middle of the workflow is gone on from", { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-killed-"));
  {
    await using instance = startInstance({ directory, args: [], keep: true });
    await instance.ready();
    using access = await clientOf(instance);
    const ref = { namespace: "quickstart", name: "penguins-1" };
    const halfWay = ({ status }: Workflow) => Object.values(status?.nodes ?? {}).some(isFinishedSplit);
    await waitFor(access.client, Workflows, ref, halfWay, AbortSignal.timeout(60_000));
    await instance.kill();
  }
  await using again = startInstance({ directory, args: [] });
  await untilOutput(again.process, again.output, predictLine);
  assert.equal((await predict(again)).species, "Gentoo");
  const log = readFileSync(join(directory, "logs/capstan.log"), "utf8");
  assert.match(log, /"phase":"Succeeded"/);
});

const isFinishedSplit = (node: { displayName?: string; phase?: string }) =>
  node.displayName === "split" && node.phase === "Succeeded";

function accuracyOf({ status }: Workflow): number {
  const evaluate = Object.values(status?.nodes ?? {}).find((node) => node.displayName === "evaluate");
  const report = evaluate?.outputs?.parameters?.find((parameter) => parameter.name === "report");
  return JSON.parse(String(report?.value)).accuracy;
}
