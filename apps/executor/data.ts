// The container of a data template: lists what a store keeps, and reports what the expressions make of the list.
import { listArtifact } from "@capstan/core/artifacts";
import { evaluateExpression } from "@capstan/operators/workflow";
import { resultLimit } from "./outputs/index.ts";
import { report } from "./report.ts";
import { openResources } from "./resources.ts";
import type { Step } from "./step.ts";

/** Source: argo-workflows docs/data-sourcing-and-transformation.md. */
export async function runData(step: Step): Promise<number> {
  const { data } = step.template;
  const paths = data?.source.artifactPaths;
  if (!data || !paths) throw new Error("the template is not of type data, or names no artifactPaths");
  let value: unknown = await listArtifact(paths, openResources(step), step.container.signal);
  for (const [i, { expression }] of (data.transformation ?? []).entries()) {
    if (!expression) continue;
    try {
      value = evaluateExpression(expression, { data: value });
    } catch (error) {
      throw new Error(`data.transformation[${i}].expression: ${(error as Error).message}`, { cause: error });
    }
  }
  const result = JSON.stringify(value ?? null);
  const size = Buffer.byteLength(result);
  if (size > resultLimit)
    throw new Error(`the result has ${size} bytes, more than ${resultLimit} (limit result): filter more`);
  await report(step, { outputs: { result }, complete: true });
  return 0;
}
