// One step or task: its tags are replaced, its loop is unrolled, and each of its iterations becomes a node.
import {
  type Arguments,
  type Invocation,
  isLocated,
  type NodeStatus,
  type Template,
} from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../expressions/index.ts";
import { executeTemplate } from "./execute.ts";
import { expand, shouldRun } from "./items.ts";
import { hasFailed, isOver } from "./phase.ts";
import { dropAbsent, resolveArtifact } from "./results.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";
import { isTakenOver } from "./taken-over.ts";
import { resolveTemplate, type TemplateContext } from "./templates.ts";

/** The body of a template of steps or tasks, as its parts see it. */
export interface Body {
  node: NodeStatus;
  template: Template;
  context: TemplateContext;
  onExit: boolean;
  /** `steps` or `tasks`: how its parts name one another. */
  prefix: "steps" | "tasks";
}

/** The iterations of a step; remembered under `key`. @throws ExpressionError */
export function iterationsOf<T extends Invocation>(run: Run, key: string, step: T, scope: Scope): T[] {
  const known = run.memory.expanded.get(key);
  if (known) return known as T[];
  const { hooks, ...rest } = step;
  const absent = { ...rest, ...(rest.arguments ? { arguments: withoutAbsent(rest.arguments, scope) } : {}) };
  const iterations = expand(absent as T, scope).map((one) => (hooks ? { ...one, hooks } : one));
  run.memory.expanded.set(key, iterations);
  return iterations;
}

function withoutAbsent(given: Arguments, scope: Scope): Arguments {
  const parameters = dropAbsent(given.parameters, scope);
  return { ...given, ...(parameters ? { parameters } : {}) };
}

/**
 * Starts or continues the node of one iteration.
 * @param connect draws a new node after what came before it.
 * @returns undefined while a limit holds it back.
 */
export function runIteration(
  run: Run,
  body: Body,
  one: Invocation,
  name: string,
  scope: Scope,
  connect: (node: NodeStatus) => void,
): NodeStatus | undefined {
  let node = run.node(name);
  // In a workflow that takes another one over, what a node comes after may have been left out.
  const known = node !== undefined && !(node.phase === "Pending" && isTakenOver(run));
  // After a restart its arguments are nowhere but where they come from.
  const isRemembered = node !== undefined && (isOver(node) || run.memory.processed.has(node.id));
  if (!node || node.phase === "Pending" || !isRemembered) {
    // One that was skipped in a run that this one takes over is decided about again.
    const isOpen = !node || (node.type === "Skipped" && node.phase === "Pending");
    const skipped = isOpen ? decide(run, body, one, name) : undefined;
    node = skipped ?? start(run, body, one, name, scope);
  } else {
    node = executeTemplate(run, name, one, body.context, one.arguments, {
      boundary: body.node.id,
      onExit: body.onExit,
    });
  }
  if (node && !known) connect(node);
  return node;
}

/** A node that says why the iteration does not run; undefined when it does. */
function decide(run: Run, body: Body, one: Invocation, name: string): NodeStatus | undefined {
  const base = { name, type: "Skipped" as const, context: body.context, reference: one, boundary: body.node.id };
  try {
    if (shouldRun(one.when)) return undefined;
    const message = `when '${one.when}' evaluated false`;
    const known = run.node(name);
    return known ? run.mark(known, "Skipped", message) : run.addNode({ ...base, phase: "Skipped", message });
  } catch (error) {
    const hint = `Invalid 'when' expression '${one.when}': ${(error as Error).message} (hint: put quotes around texts)`;
    const known = run.node(name);
    return known ? run.mark(known, "Error", hint) : run.addNode({ ...base, phase: "Error", message: hint });
  }
}

function start(run: Run, body: Body, one: Invocation, name: string, scope: Scope): NodeStatus | undefined {
  let given: Arguments | undefined;
  try {
    given = resolveArguments(one.arguments, scope);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const existing = run.node(name);
    if (existing) return run.mark(existing, "Error", error.message);
    return run.addNode({
      name,
      type: "Skipped",
      context: body.context,
      reference: one,
      boundary: body.node.id,
      phase: "Error",
      message: error.message,
    });
  }
  return executeTemplate(run, name, one, body.context, given, { boundary: body.node.id, onExit: body.onExit });
}

/** Arguments whose artifacts say where they are. Optional ones that are absent are left out. */
export function resolveArguments(given: Arguments | undefined, scope: Scope): Arguments | undefined {
  if (!given?.artifacts) return given;
  const artifacts = given.artifacts.flatMap((artifact) => {
    if (!artifact.from && !artifact.fromExpression) return isLocated(artifact) ? [artifact] : [];
    const found = resolveArtifact(artifact, scope);
    if (found) {
      const { path: _path, optional: _optional, globalName: _global, ...rest } = found;
      return [{ ...rest, name: artifact.name, ...(artifact.archive ? { archive: artifact.archive } : {}) }];
    }
    if (artifact.optional) return [];
    throw new ExpressionError(
      `arguments.artifacts.${artifact.name}: cannot resolve ${artifact.from ?? artifact.fromExpression}`,
    );
  });
  return { ...given, artifacts };
}

/** Outputs that the template of a step declares; for steps that were skipped. */
export function declaredOutputs(run: Run, body: Body, step: Invocation): Template["outputs"] {
  try {
    return resolveTemplate(step, body.context, sourcesOf(run)).template.outputs;
  } catch {
    // A name with tags, or a template that is not there: whoever runs the step says so.
    return undefined;
  }
}

export function sourcesOf(run: Run) {
  return {
    workflow: run.workflow,
    spec: run.spec,
    templates: run.world.templates,
    stored: run.status.storedTemplates ?? {},
    store: (key: string, template: Template) => {
      run.status.storedTemplates ??= {};
      run.status.storedTemplates[key] = template;
      run.changed = true;
    },
  };
}

/** Whether a step's failure lets the others go on. */
export function continues(step: Invocation | undefined, node: NodeStatus): boolean {
  if (!hasFailed(node)) return true;
  return node.phase === "Error" ? step?.continueOn?.error === true : step?.continueOn?.failed === true;
}
