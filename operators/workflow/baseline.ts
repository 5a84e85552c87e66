// The earlier run by which a workflow's time is estimated. Source: argo-workflows docs/estimated-duration.md.
import type { Workflow } from "@capstan/api/kinds/workflow";
import type { Informer } from "@capstan/core/reconcile";
import { labels } from "./engine/index.ts";

const byOrigin = "origin";
const origins = [labels.workflowTemplate, labels.clusterWorkflowTemplate, labels.cronWorkflow];

/** What a workflow was made of, by label. */
const originsOf = ({ metadata }: Workflow): string[] =>
  origins.flatMap((label) => {
    const name = metadata.labels?.[label];
    return name ? [`${metadata.namespace}/${label}=${name}`] : [];
  });

/** Before the informer starts. */
export function indexOrigins(informer: Informer<Workflow>): void {
  informer.addIndex(byOrigin, (workflow) => (workflow.status?.phase === "Succeeded" ? originsOf(workflow) : []));
}

/** The newest workflow of the same origin that has succeeded. */
export function findBaseline(informer: Informer<Workflow>, workflow: Workflow): Workflow | undefined {
  const [origin] = originsOf(workflow);
  if (!origin) return undefined;
  let newest: Workflow | undefined;
  for (const one of informer.byIndex(byOrigin, origin)) {
    const [made, known] = [one, newest].map((each) => String(each?.metadata.creationTimestamp ?? ""));
    if (!newest || (made ?? "") > (known ?? "")) newest = one;
  }
  return newest;
}
