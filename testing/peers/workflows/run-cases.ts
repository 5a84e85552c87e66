// Runs the cases on a cluster that kubectl reaches, and tells what they came to in words that two clusters can be compared by.
import assert from "node:assert/strict";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { runKubectl } from "../../cluster/kubectl.ts";
import type { Case } from "./manifests.ts";

const patience = 120_000;
export const namespace = "flows";

/** By case: the phase, then a line for each node. */
export type Summary = Record<string, string[]>;

export function kubectlOf(kubeconfig: string) {
  return async (line: string[], input?: string): Promise<string> => {
    const words = ["--kubeconfig", kubeconfig, "-n", namespace, ...line];
    const done = await runKubectl(words, input, AbortSignal.timeout(patience));
    assert.equal(done.code, 0, `kubectl ${line.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
}
export type Kubectl = ReturnType<typeof kubectlOf>;

/** The namespace, and an account that may make ConfigMaps. */
export async function prepare(kubectl: Kubectl): Promise<void> {
  await kubectl(["create", "namespace", namespace]);
  await kubectl(["create", "serviceaccount", "maker"]);
  await kubectl(["create", "role", "maker", "--verb=get,list,watch,create,delete", "--resource=configmaps"]);
  await kubectl(["create", "rolebinding", "maker", "--role=maker", `--serviceaccount=${namespace}:maker`]);
}

export async function runCases(kubectl: Kubectl, cases: Case[]): Promise<Summary> {
  for (const { manifest } of cases) await kubectl(["create", "-f", "-"], manifest);
  const summary: Summary = {};
  for (const one of cases) {
    await waitForEnd(kubectl, one.name);
    const workflow = JSON.parse(await kubectl(["get", "workflow", one.name, "-o", "json"])) as Workflow;
    summary[one.name] = check(workflow, one);
    console.log(`  ${one.name}: ${workflow.status?.phase}, ${secondsOf(workflow)} s`);
  }
  return summary;
}

export async function waitForEnd(kubectl: Kubectl, name: string): Promise<void> {
  const over = "jsonpath={.metadata.labels.workflows\\.argoproj\\.io/completed}=true";
  await kubectl(["wait", `workflow/${name}`, `--for=${over}`, `--timeout=${patience / 1000}s`]);
}

const secondsOf = ({ status }: Workflow) =>
  (Date.parse(status?.finishedAt ?? "") - Date.parse(status?.startedAt ?? "")) / 1000;

function check(workflow: Workflow, { name, phase, message, outputs = {} }: Case): string[] {
  const nodes = Object.values(workflow.status?.nodes ?? {});
  const said = JSON.stringify(nodes.map((node) => [node.displayName, node.phase, node.message]));
  assert.equal(workflow.status?.phase, phase, `${name}: ${workflow.status?.message} ${said}`);
  if (message) assert.match(said, message, name);
  for (const [displayName, wanted] of Object.entries(outputs)) {
    const found = nodes.find((node) => node.displayName === displayName)?.outputs;
    for (const [key, value] of Object.entries(wanted)) {
      const given = key === "result" ? found?.result : found?.parameters?.find((one) => one.name === key)?.value;
      assert.equal(given, value, `${name}: ${displayName}.${key}`);
    }
  }
  return [`${phase}`, ...nodes.map(lineOf).sort()];
}

/**
 * Two clusters must agree, but for who says that a program is not there (the runtime, or argoexec), and for how a command
 * ends whose time is over: as a container's first process it ignores what it does not expect.
 */
export function compare(one: Summary, other: Summary): void {
  const plain = (lines: string[]) =>
    lines.map((line) => line.replace(/main: .*no-such-program.*/, "no such program").replace(/(deadline) \[.*/, "$1"));
  for (const name of Object.keys(one)) assert.deepEqual(plain(other[name] ?? []), plain(one[name] ?? []), name);
}

/** What does not depend on time and place. */
function lineOf({ displayName, type, phase, message = "", outputs }: NodeStatus): string {
  const parameters = outputs?.parameters?.map((one) => `${one.name}=${one.value}`) ?? [];
  const artifacts = outputs?.artifacts?.map((one) => one.name) ?? [];
  const kept = JSON.stringify([outputs?.result ?? null, outputs?.exitCode ?? null, ...parameters, ...artifacts]);
  return `${displayName} ${type} ${phase} ${message} ${kept}`;
}
