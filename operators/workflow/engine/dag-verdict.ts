// How a DAG stands, when none of its tasks is under way.
import type { NodePhase, NodeStatus } from "@capstan/api/kinds/workflow";
import type { Plan } from "./dag-plan.ts";
import { type Body, continues } from "./invoke.ts";
import { onExitName } from "./names.ts";
import { attemptsOf } from "./outbound.ts";
import { hasFailed, hasRun, isFulfilled } from "./phase.ts";
import type { Run } from "./run.ts";

export type DagPhase = "Running" | "Succeeded" | "Failed" | "Error";

/** Succeeded, Failed or Error when nothing more will happen. An omitted task takes the phase of what is before it. */
export function judge(run: Run, body: Body, plan: Plan): DagPhase {
  const targets = new Map(plan.targets.map((name) => [run.idOf(`${body.node.name}.${name}`), name]));
  const deduced = new Map<string, NodePhase>();
  const open = (body.node.children ?? []).map((id) => ({ id, branch: "Succeeded" as NodePhase }));
  const seen = new Set<string>();
  while (open.length > 0) {
    const { id, branch } = open.pop() as { id: string; branch: NodePhase };
    if (seen.has(`${id} ${branch}`)) continue;
    seen.add(`${id} ${branch}`);
    const node = run.nodes[id];
    if (node && comesAfter(node, body.node)) continue;
    if (!node || !isFulfilled(node)) return "Running";
    const phase = hasRun(node) ? (node.phase as NodePhase) : branch;
    const target = targets.get(id);
    const before = target && deduced.get(target);
    if (target && !(before && hasFailed({ phase: before }))) deduced.set(target, phase);
    const next = node.type === "Retry" ? afterRetry(run, node) : (node.children ?? []);
    for (const child of next) open.push({ id: child, branch: phase });
  }
  return verdict(run, body, plan, deduced);
}

/** In a workflow that takes another one over, what comes after the DAG is there already. */
const comesAfter = ({ name }: NodeStatus, dag: NodeStatus) =>
  !name.startsWith(`${dag.name}.`) || name === onExitName(dag.name);

/** A Retry node stands for its last attempt: what follows hangs on that one. */
function afterRetry(run: Run, node: NodeStatus): string[] {
  const attempts = attemptsOf(run, node);
  const ids = new Set(attempts.map(({ id }) => id));
  const own = (node.children ?? []).filter((id) => !ids.has(id));
  return [...own, ...attempts.flatMap(({ children }) => children ?? [])];
}

function verdict(run: Run, body: Body, plan: Plan, deduced: Map<string, NodePhase>): DagPhase {
  const failFast = body.template.dag?.failFast !== false;
  let result: DagPhase = "Succeeded";
  for (const target of plan.targets) {
    const phase = deduced.get(target);
    if (!phase) {
      result = "Running";
      if (!failFast) break;
    } else if (hasFailed({ phase })) {
      const node = run.node(`${body.node.name}.${target}`);
      if (continues(plan.tasks.get(target)?.task, { ...(node as NodeStatus), phase })) continue;
      result = phase as "Failed" | "Error";
      if (failFast) break;
    }
  }
  return result;
}
