// One step of a workflow: reads the world, moves its nodes, says what to do. Pure but for the workflow that it is given.
import type { Volume } from "@capstan/api/generated/core-v1";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../expressions/index.ts";
import { guardArtifacts } from "./artifact-gc.ts";
import { executeTemplate } from "./execute.ts";
import {
  conclude,
  expire,
  runExitHandler,
  runWorkflowHooks,
  setCondition,
  setPhase,
  workflowHolder,
} from "./finish.ts";
import { applyWorkflowMetadata, joinSpecs, setGlobals, setProgress, substituteSpec } from "./globals.ts";
import { podLimit } from "./limits.ts";
import { locksOf, takeLocks } from "./locks.ts";
import { remember } from "./memoize.ts";
import { collectMetrics } from "./metrics.ts";
import { labels } from "./names.ts";
import { observePods } from "./observe.ts";
import { isFulfilled, isWorkflowOver } from "./phase.ts";
import { checkPodGc } from "./pod-gc.ts";
import { Run, secondsOf, TooManyNodes } from "./run.ts";
import { settleTakenOver } from "./taken-over.ts";
import { localContext } from "./templates.ts";
import { sumUp } from "./totals.ts";
import { createMemory, type Memory, type Outcome, type World } from "./world.ts";

/** Changes `workflow` in place: the caller's own copy. Looks at what `memory.attention` was told of. */
export function operate(workflow: Workflow, world: World, memory: Memory): Outcome {
  const run = new Run(workflow, world, memory);
  const { attention } = memory;
  // What ends before its time can end anywhere.
  if (run.shutdown || run.pastDeadline) attention.tellAll();
  const told = attention.begin(world.now);
  const before = run.status.phase;
  if (isWorkflowOver(run.status.phase)) expire(run);
  else {
    try {
      advance(run, told);
    } catch (error) {
      if (error instanceof TooManyNodes) run.withdraw();
      else if (!(error instanceof ExpressionError || error instanceof RangeError)) throw error;
      setPhase(run, "Error", error.message);
    }
    if (run.changed) {
      sumUp(run);
      setCondition(run, "PodRunning", run.ledger.runningPods > 0 ? "True" : "False");
    }
    if (isWorkflowOver(run.status.phase)) expire(run);
  }
  remember(run);
  const samples = isWorkflowOver(before) ? [] : collectMetrics(run, before, told === undefined);
  const { changed, pressing, effects, reached, requeueAfter } = run;
  return {
    changed,
    pressing,
    effects,
    samples,
    reached,
    entered: run.entered,
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  };
}

const postponed = "Workflow processing has been postponed because too many workflows are already running";

/** Leaves a workflow that has not begun waiting for its turn. */
export function postpone(workflow: Workflow, world: World): Outcome {
  const run = new Run(workflow, world, createMemory());
  setPhase(run, "Pending", postponed);
  const { changed, pressing, effects } = run;
  return { changed, pressing, effects, samples: [], reached: [], entered: [] };
}

/** Ends a workflow before it starts, with what is wrong in it. */
export function refuse(workflow: Workflow, world: World, message: string): Outcome {
  const run = new Run(workflow, world, createMemory());
  run.status.startedAt ??= run.now;
  setPhase(run, "Error", message);
  return { changed: true, pressing: true, effects: run.effects, samples: [], reached: [], entered: [] };
}

function advance(run: Run, told: Set<string> | undefined): void {
  const { attention } = run.memory;
  if (!run.status.phase || run.status.phase === "Pending") {
    if (!begin(run)) {
      attention.lose();
      return;
    }
  }
  const given = run.memory.given ?? setGlobals(run);
  run.memory.given = given;
  setProgress(run);
  substituteSpec(run);
  observePods(run, told);
  const limit = podLimit(run);
  if (limit !== undefined && run.ledger.activePods < limit) attention.lookAtCrowded();
  if (run.workflow.spec.suspend && !run.shutdown) return;
  const root = executeTemplate(
    run,
    run.name,
    { template: run.spec.entrypoint ?? "" },
    localContext(run.workflow),
    given,
  );
  // What ended here may make room for what came before it.
  if (limit !== undefined && run.ledger.activePods < limit) attention.lookAtCrowded();
  setProgress(run);
  if (!root) return;
  const hooksDone = runWorkflowHooks(run);
  if (!isFulfilled(root)) return;
  const exit = runExitHandler(run, root);
  if (exit !== undefined && hooksDone) conclude(run, root, exit);
}

/** Takes a new workflow up. False while it waits for a lock. */
function begin(run: Run): boolean {
  const { workflow, status } = run;
  const ref = workflow.spec.workflowTemplateRef;
  if (ref && !status.storedWorkflowTemplateSpec) {
    const scope = ref.clusterScope ? "cluster" : "namespaced";
    const template = run.world.templates(scope, ref.name ?? "");
    if (!template)
      throw new ExpressionError(
        `spec.workflowTemplateRef: ${scope === "cluster" ? "Cluster" : ""}WorkflowTemplate ${ref.name} not found`,
      );
    status.storedWorkflowTemplateSpec = joinSpecs(workflow.spec, template);
    run.spec = status.storedWorkflowTemplateSpec;
  }
  status.startedAt ??= run.now;
  status.finishedAt ??= null;
  const estimated = secondsOf(run.baseline?.status);
  if (estimated > 0) status.estimatedDuration = estimated;
  setGlobals(run);
  if (!acquireWorkflowLocks(run)) return false;
  substituteSpec(run);
  if (!run.spec.entrypoint) throw new ExpressionError("spec.entrypoint is required");
  applyWorkflowMetadata(run);
  const { annotations } = workflow.metadata;
  workflow.metadata.annotations = {
    ...annotations,
    [labels.podNameFormat]: annotations?.[labels.podNameFormat] ?? "v2",
  };
  const { ref: repositoryRef, repository } = run.world.repository(workflow);
  status.artifactRepositoryRef = repositoryRef
    ? { ...repositoryRef, artifactRepository: repository }
    : { default: true, artifactRepository: repository };
  checkPodGc(run);
  guardArtifacts(run);
  claimVolumes(run);
  if (run.spec.podDisruptionBudget) requestBudget(run);
  settleTakenOver(run);
  setPhase(run, "Running", "");
  run.changed = true;
  return true;
}

function acquireWorkflowLocks(run: Run): boolean {
  const requests = locksOf(run, run.spec.synchronization);
  if (requests.length === 0) return true;
  const waiting = takeLocks(run, workflowHolder(run), requests);
  if (!waiting) return true;
  if (run.shutdown) setPhase(run, "Failed", `Stopped with strategy '${run.shutdown}'`);
  else setPhase(run, "Pending", waiting.message);
  return false;
}

/** One claim for each volumeClaimTemplate, named after the workflow. */
function claimVolumes(run: Run): void {
  const templates = run.spec.volumeClaimTemplates ?? [];
  if (templates.length === 0 || run.status.persistentVolumeClaims?.length) return;
  const { metadata } = run.workflow;
  run.status.persistentVolumeClaims = templates.map((template): Volume => {
    const name = template.metadata.name ?? "";
    const claimName = `${run.name}-${name}`;
    run.effects.push({
      do: "create claim",
      claim: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: {
          ...template.metadata,
          name: claimName,
          namespace: metadata.namespace ?? "",
          labels: { ...template.metadata.labels, [labels.workflow]: run.name },
          ownerReferences: [ownerOf(run)],
        },
        spec: template.spec,
      },
    });
    return { name, persistentVolumeClaim: { claimName } };
  });
}

const ownerOf = (run: Run) => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Workflow",
  name: run.name,
  uid: run.workflow.metadata.uid ?? "",
  controller: true,
  blockOwnerDeletion: true,
});

function requestBudget(run: Run): void {
  run.effects.push({
    do: "create budget",
    budget: {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: {
        name: run.name,
        namespace: run.workflow.metadata.namespace ?? "",
        labels: { [labels.workflow]: run.name },
        ownerReferences: [ownerOf(run)],
      },
      spec: {
        ...run.spec.podDisruptionBudget,
        selector: run.spec.podDisruptionBudget?.selector ?? { matchLabels: { [labels.workflow]: run.name } },
      },
    },
  });
}
