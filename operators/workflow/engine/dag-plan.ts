// What a DAG's text says: its tasks in an order in which needs come first, and who needs whom.
import type { DAGTask, Template } from "@capstan/api/kinds/workflow";
import { type Depends, dependsOf, ExpressionError, parseDepends, tasksOf } from "../expressions/index.ts";

/** A task in the plan. Others are named by their number. */
export interface PlannedTask {
  task: DAGTask;
  depends: Depends;
  needs: string[];
  /** Numbers of the tasks that need it. */
  neededBy: number[];
  /** It has hooks that run when an expression holds. */
  hooked: boolean;
}

export interface Plan {
  /** The targets and all that they need, needs first. */
  order: PlannedTask[];
  tasks: Map<string, PlannedTask>;
  targets: string[];
}

const plans = new WeakMap<Template, Plan>();

/** @throws ExpressionError for a `depends` that cannot be read or a task that is not there. */
export function planOf(template: Template): Plan {
  const known = plans.get(template);
  if (known) return known;
  const list = template.dag?.tasks ?? [];
  const tasks = new Map(list.map((task) => [task.name, task]));
  const planned = new Map(
    list.map((task): [string, PlannedTask] => {
      const depends = task.depends
        ? parseDepends(task.depends)
        : dependsOf(task.dependencies ?? [], (name) => tasks.get(name)?.continueOn);
      const hooked = Object.keys(task.hooks ?? {}).some((name) => name !== "exit");
      return [task.name, { task, depends, needs: [...tasksOf(depends)], neededBy: [], hooked }];
    }),
  );
  const needed = new Set([...planned.values()].flatMap(({ needs }) => needs));
  const target = template.dag?.target?.trim();
  const targets = target ? target.split(/\s+/) : list.map(({ name }) => name).filter((name) => !needed.has(name));
  const order = inOrder(targets, planned);
  for (const [number, { needs }] of order.entries()) {
    for (const need of needs) planned.get(need)?.neededBy.push(number);
  }
  const plan = { order, tasks: planned, targets };
  plans.set(template, plan);
  return plan;
}

function inOrder(targets: string[], planned: Map<string, PlannedTask>): PlannedTask[] {
  const order: PlannedTask[] = [];
  const seen = new Set<string>();
  const open = targets.toReversed().map((name) => ({ name, left: false }));
  while (open.length > 0) {
    const { name, left } = open.pop() as { name: string; left: boolean };
    const one = planned.get(name);
    if (!one) throw new ExpressionError(`dag: there is no task ${name}`);
    if (left) order.push(one);
    else if (!seen.has(name)) {
      seen.add(name);
      open.push({ name, left: true });
      for (const need of one.needs) if (!seen.has(need)) open.push({ name: need, left: false });
    }
  }
  return order;
}
