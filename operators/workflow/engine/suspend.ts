// Templates that wait for somebody, or for a time.
import type { NodeStatus, Template } from "@capstan/api/kinds/workflow";
import { parseDuration } from "../expressions/index.ts";
import { anyText } from "./inputs.ts";
import { isOver } from "./phase.ts";
import { addGlobalOutputs } from "./results.ts";
import type { Run } from "./run.ts";

/** Continues a Suspend node: its duration ends it; a client ends it by giving it a phase. */
export function runSuspend(run: Run, node: NodeStatus, template: Template): NodeStatus {
  if (isOver(node)) return node;
  if (run.shutdown) return run.mark(node, "Failed", `Stopped with strategy '${run.shutdown}'`);
  const { parameters } = template.outputs ?? {};
  if (parameters && !node.outputs) {
    node.outputs = { parameters: parameters.map((parameter) => ({ ...parameter })) };
    run.changed = true;
  }
  const duration = template.suspend?.duration;
  if (duration === undefined || duration === "") return node;
  const until = Date.parse(node.startedAt ?? run.now) + parseDuration(duration);
  if (run.world.now < until) {
    run.wakeAt(until, node);
    return node;
  }
  const missing = (node.outputs?.parameters ?? []).find((parameter) => {
    return parameter.value === undefined && (parameter.valueFrom?.default ?? parameter.default) === undefined;
  });
  if (missing)
    return run.mark(node, "Error", `outputs.parameters.${missing.name} was not supplied in time and has no default`);
  for (const parameter of node.outputs?.parameters ?? []) {
    const otherwise = parameter.valueFrom?.default ?? parameter.default;
    if (parameter.value === undefined && otherwise !== undefined) parameter.value = anyText(otherwise);
    delete parameter.valueFrom;
  }
  addGlobalOutputs(run, node.outputs);
  return run.mark(node, "Succeeded");
}
