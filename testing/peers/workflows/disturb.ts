// Workflows that are disturbed: containers killed, workflows stopped. What has a key is whole all the same.
import assert from "node:assert/strict";
import { globSync, statSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Containerd } from "../../containerd/index.ts";
import { type Kubectl, waitForEnd } from "./run-cases.ts";

const megabytes = 200;

const killed = (victim: string, image: string) => `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: { name: killed-${victim} }
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - { name: make, template: make }
        - - { name: read, template: read, arguments: { artifacts: [{ name: big, from: "{{steps.make.outputs.artifacts.big}}" }] } }
    - name: make
      retryStrategy: { limit: 3, retryPolicy: Always }
      outputs: { artifacts: [{ name: big, path: /tmp/big, archive: { none: {} } }] }
      container:
        image: "${image}"
        command: [sh, -c]
        args: ["head -c ${megabytes}m /dev/zero >/tmp/big; if test {{retries}} = 0 && test ${victim} = main; then sleep 1000; fi"]
    - name: read
      inputs: { artifacts: [{ name: big, path: /tmp/in }] }
      container: { image: "${image}", command: [sh, -c], args: ["test $(stat -c %s /tmp/in) = ${megabytes * 2 ** 20}"] }
`;

const endless = (image: string) => `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: { name: stopped }
spec:
  entrypoint: main
  onExit: bye
  templates:
    - name: main
      container: { image: "${image}", command: [sh, -c], args: ["trap 'exit 3' TERM; while :; do sleep 0.1; done"] }
    - name: bye
      container: { image: "${image}", command: ["true"] }
`;

/** Kills the containers main and wait of first attempts; the next attempt must succeed, and leave a whole artifact. */
export async function disturb(
  kubectl: Kubectl,
  containerd: Containerd,
  image: string,
  artifacts: string,
): Promise<void> {
  for (const victim of ["main", "wait"]) {
    const name = `killed-${victim}`;
    await kubectl(["create", "-f", "-"], killed(victim, image));
    const pod = await firstPod(kubectl, name);
    // The container wait is killed while it saves: the step's own has just ended.
    const moment = victim === "main" ? "running" : "terminated";
    const status = await containerIn(kubectl, pod, "main", moment);
    const id = victim === "main" ? status : await containerIn(kubectl, pod, "wait", "running");
    try {
      containerd.ctr("tasks", "kill", "--signal", "SIGKILL", id);
    } catch {
      console.log(`  ${victim} had ended before it could be killed`);
    }
    await waitForEnd(kubectl, name);
    const phase = await kubectl(["get", "workflow", name, "-o", "jsonpath={.status.phase}"]);
    assert.equal(phase, "Succeeded", name);
    const kept = globSync(`${artifacts}/**/big`);
    assert.ok(kept.length > 0);
    for (const file of kept) assert.equal(statSync(file).size, megabytes * 2 ** 20, file);
    console.log(`  ${name}: Succeeded, ${kept.length} whole artifacts`);
  }
  await kubectl(["create", "-f", "-"], endless(image));
  await containerIn(kubectl, await firstPod(kubectl, "stopped"), "main", "running");
  await kubectl(["patch", "workflow", "stopped", "--type=merge", "-p", '{"spec":{"shutdown":"Stop"}}']);
  await waitForEnd(kubectl, "stopped");
  const said = await kubectl(["get", "workflow", "stopped", "-o", "jsonpath={.status.phase} {.status.message}"]);
  assert.match(said, /^Failed/);
  console.log(`  stopped: ${said}`);
}

/** A workflow's first pod, as soon as there is one. */
export async function firstPod(kubectl: Kubectl, workflow: string): Promise<string> {
  for (;;) {
    const label = `workflows.argoproj.io/workflow=${workflow}`;
    const name = await kubectl(["get", "pods", "-l", label, "-o", "jsonpath={.items[0].metadata.name}"]).catch(
      () => "",
    );
    if (name) return name;
    await wait(20);
  }
}

/** The id of a container as soon as it is in a state. */
async function containerIn(
  kubectl: Kubectl,
  pod: string,
  name: string,
  state: "running" | "terminated",
): Promise<string> {
  for (;;) {
    const { status } = JSON.parse(await kubectl(["get", "pod", pod, "-o", "json"])) as Pod;
    const found = status?.containerStatuses?.find((one) => one.name === name);
    if (found?.state?.[state]) return (found.containerID ?? "").replace("containerd://", "");
    if (found?.state?.terminated) throw new Error(`${name} of ${pod} has ended: ${JSON.stringify(found.state)}`);
    await wait(20);
  }
}
