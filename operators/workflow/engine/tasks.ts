// Nodes that an agent does for the workflow: HTTP requests. They are put into its WorkflowTaskSet, and read from there.
import type { Pod } from "@capstan/api/generated/core-v1";
import type { NodeStatus, Template } from "@capstan/api/kinds/workflow";
import { labels, nodeId } from "./names.ts";
import { isOver } from "./phase.ts";
import { patchSpec, placement } from "./pod/placement.ts";
import { addGlobalOutputs } from "./results.ts";
import type { Run } from "./run.ts";

export const agentName = (workflow: string): string => `${nodeId(workflow, "agent")}-agent`;

/** Asks for a task, and for the agent that does it. */
export function requestTask(run: Run, node: NodeStatus, template: Template, onExit: boolean): NodeStatus {
  if (isOver(node)) return node;
  if (run.shutdown === "Terminate" || (run.shutdown === "Stop" && !onExit)) {
    return giveUp(run, node, `workflow shutdown with strategy: ${run.shutdown}`);
  }
  if (run.pastDeadline && !onExit) return giveUp(run, node, "Step exceeded its deadline");
  if (run.workflow.spec.suspend) return node;
  const name = agentName(run.name);
  const failure = run.world.podFailure(name);
  if (failure && !failure.passing) return run.mark(node, "Error", `agent pod failed: ${failure.message}`);
  if (!run.world.taskSet()?.spec.tasks?.[node.id]) run.effects.push({ do: "add task", id: node.id, template });
  requestAgent(run, name);
  return node;
}

function requestAgent(run: Run, name: string): void {
  const agent = run.world.pod(name);
  if (agent?.status?.phase === "Succeeded") {
    // It ended when the workflow had; since then somebody has set it going again.
    run.effects.push({ do: "delete pod", name });
    return;
  }
  const asked = run.effects.some((effect) => effect.do === "create pod" && effect.pod.metadata.name === name);
  if (!agent && !asked) run.effects.push({ do: "create pod", pod: buildAgent(run, name) });
}

/** A task whose node is over needs nobody any more. */
export function giveUp(run: Run, node: NodeStatus, message: string): NodeStatus {
  run.effects.push({ do: "remove task", id: node.id });
  return run.mark(node, "Failed", message);
}

/** Brings what the agent has said of a task into its node. */
export function observeTask(run: Run, node: NodeStatus): void {
  const result = run.world.taskSet()?.status?.nodes?.[node.id];
  if (!result?.phase) {
    const agent = run.world.pod(agentName(run.name));
    if (agent?.status?.phase !== "Failed") return;
    const reason = agent.status.message ?? "it ended before its tasks did";
    run.mark(node, "Error", `agent pod failed with reason:"${reason}"`);
    return;
  }
  if (result.outputs) node.outputs = result.outputs;
  run.mark(node, result.phase, result.message ?? "");
  if (!isOver(node)) return;
  addGlobalOutputs(run, node.outputs);
  run.effects.push({ do: "remove task", id: node.id });
}

/** Tells the agent that the workflow is over. */
export function dismissAgent(run: Run): void {
  if (Object.values(run.nodes).some(({ type }) => type === "HTTP")) run.effects.push({ do: "close tasks" });
}

function buildAgent(run: Run, name: string): Pod {
  const { spec, workflow } = run;
  const { workflow: workflowLabel, completed, component } = labels;
  const container = "kubectl.kubernetes.io/default-container";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: workflow.metadata.namespace ?? "",
      labels: { ...spec.podMetadata?.labels, [workflowLabel]: run.name, [completed]: "false", [component]: "agent" },
      annotations: { ...spec.podMetadata?.annotations, [container]: "main" },
      ownerReferences: [
        {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "Workflow",
          name: run.name,
          uid: workflow.metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: patchSpec(
      {
        ...placement(run, {}),
        // The agent acts with the account's rights: it has to see them.
        automountServiceAccountToken: true,
        restartPolicy: "OnFailure",
        containers: [
          {
            name: "main",
            image: run.world.settings.agentImage,
            command: ["argoexec"],
            args: ["agent"],
            env: [
              { name: "ARGO_WORKFLOW_NAME", value: run.name },
              { name: "ARGO_WORKFLOW_UID", value: workflow.metadata.uid ?? "" },
            ],
            resources: { requests: { cpu: "10m", memory: "64M" }, limits: { memory: "256M" } },
          },
        ],
      },
      [spec.podSpecPatch],
    ),
  };
}
