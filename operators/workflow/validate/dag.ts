// The order of a DAG's tasks: dependencies that are there, results that mean something, no cycles.
import type { DAGTask, Template } from "@capstan/api/kinds/workflow";
import { nearest } from "@capstan/base/errors";
import { type Depends, dependsOf, parseDepends, tasksOf } from "../expressions/index.ts";
import type { Problem } from "./shape.ts";

/** What each task needs. */
type Needs = Map<string, string[]>;

export function checkTasks({ dag }: Template, path: string, problems: Problem[]): { needs: Needs; cyclic: boolean } {
  const tasks = dag?.tasks ?? [];
  if (tasks.length === 0) problems.push({ path: `${path}.dag.tasks`, message: "needs at least one task" });
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const usesDepends = tasks.some(({ depends }) => depends);
  const needs: Needs = new Map();
  for (const [i, task] of tasks.entries()) {
    const at = `${path}.dag.tasks[${i}]`;
    checkWays(task, usesDepends, at, problems);
    const wanted = dependenciesOf(task, byName, at, problems);
    for (const need of wanted.filter((name) => !byName.has(name))) {
      const near = nearest(need, byName.keys());
      problems.push({
        path: `${at}.${task.depends ? "depends" : "dependencies"}`,
        message: `there is no task ${need}${near ? `; did you mean ${near}?` : ""}`,
      });
    }
    needs.set(
      task.name,
      wanted.filter((name) => byName.has(name)),
    );
  }
  const cycle = findCycle(needs);
  if (cycle) problems.push({ path: `${path}.dag.tasks`, message: `cycle: ${cycle.join(" → ")}` });
  for (const target of dag?.target?.trim().split(/\s+/).filter(Boolean) ?? []) {
    if (!byName.has(target) && !target.includes("{{"))
      problems.push({ path: `${path}.dag.target`, message: `there is no task ${target}` });
  }
  return { needs, cyclic: cycle !== undefined };
}

/** A DAG says what its tasks wait for in one way. */
function checkWays(task: DAGTask, usesDepends: boolean, path: string, problems: Problem[]): void {
  if (task.depends && task.dependencies?.length) {
    problems.push({ path, message: "only one of depends and dependencies may be given" });
  } else if (usesDepends && task.dependencies?.length) {
    problems.push({
      path: `${path}.dependencies`,
      message: "other tasks of this template use depends: use it here too",
    });
  }
  if (usesDepends && task.continueOn) {
    problems.push({
      path: `${path}.continueOn`,
      message: "with depends, say task.Failed or task.Errored in place of it",
    });
  }
  if ((task.depends || task.dependencies?.length) && /^\d/.test(task.name)) {
    problems.push({
      path: `${path}.name`,
      message: "may not begin with a digit where depends or dependencies are used",
    });
  }
}

function dependenciesOf(task: DAGTask, byName: Map<string, DAGTask>, path: string, problems: Problem[]): string[] {
  let depends: Depends;
  try {
    depends = task.depends ? parseDepends(task.depends) : dependsOf(task.dependencies ?? [], () => undefined);
  } catch (error) {
    problems.push({ path: `${path}.depends`, message: (error as Error).message });
    return [];
  }
  for (const name of loopsIn(depends)) {
    const one = byName.get(name);
    if (!one || one.withItems || one.withParam || one.withSequence) continue;
    problems.push({
      path: `${path}.depends`,
      message: `AnySucceeded and AllFailed are for loops, and ${name} is none`,
    });
  }
  return [...tasksOf(depends)];
}

function loopsIn(depends: Depends): string[] {
  const found: string[] = [];
  const open = [depends];
  for (let part = open.pop(); part; part = open.pop()) {
    if (part.is === "task") {
      if (part.results.some((result) => result === "AnySucceeded" || result === "AllFailed")) found.push(part.task);
    } else if (part.is === "not") open.push(part.term);
    else if (part.is === "choice") open.push(part.test, part.yes, part.no);
    else if (part.is !== "constant") open.push(part.left, part.right);
  }
  return found;
}

export function ancestorsOf(task: string, needs: Needs): Set<string> {
  const found = new Set<string>();
  const open = [...(needs.get(task) ?? [])];
  while (open.length > 0) {
    const next = open.pop() as string;
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(needs.get(next) ?? []));
  }
  return found;
}

function findCycle(needs: Needs): string[] | undefined {
  const done = new Set<string>();
  for (const start of needs.keys()) {
    const path: string[] = [];
    const open: { name: string; enter: boolean }[] = [{ name: start, enter: true }];
    while (open.length > 0) {
      const { name, enter } = open.pop() as { name: string; enter: boolean };
      if (!enter) {
        path.pop();
        done.add(name);
        continue;
      }
      const at = path.indexOf(name);
      if (at >= 0) return [...path.slice(at), name];
      if (done.has(name)) continue;
      path.push(name);
      open.push({ name, enter: false });
      for (const need of needs.get(name) ?? []) open.push({ name: need, enter: true });
    }
  }
  return undefined;
}
