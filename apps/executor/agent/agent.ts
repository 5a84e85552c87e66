// Does the tasks of a workflow that need no pod of their own: HTTP requests. It sees them in the WorkflowTaskSet.
import { type NodeResult, type Template, type WorkflowTaskSet, WorkflowTaskSets } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Client } from "@capstan/core/client";
import { runHttp } from "./http-task.ts";

export interface AgentOptions {
  /** Acts with the rights of the pod's account. */
  client: Client;
  namespace: string;
  workflow: string;
  print(text: string): void;
  signal: AbortSignal;
}

/** Requests under way at once. */
const atOnce = 16;
/** Tries of a report, and of the watch, before the agent gives up. */
const tries = 8;

/** Resolves when the workflow is over, or the signal aborts. No task is done twice that has a result. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { client, namespace, workflow, signal } = options;
  const agent = new Agent(options);
  const where = { namespace, fieldSelector: `metadata.name=${workflow}`, signal };
  for (let failures = 0; !signal.aborted; ) {
    try {
      for await (const event of client.watch(WorkflowTaskSets, where)) {
        failures = 0;
        if (event.type === "BOOKMARK") continue;
        if (event.type === "DELETED" || isClosed(event.object)) return agent.settle();
        agent.take(event.object);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isReason(error, "Forbidden", "Unauthorized") || ++failures >= tries) throw error;
      options.print(`the tasks cannot be seen: ${messageOf(error)}`);
    }
    await sleep(backoff(failures, { base: 20, cap: 5000 }), signal);
  }
}

const isClosed = ({ metadata }: WorkflowTaskSet) => metadata.labels?.["workflows.argoproj.io/completed"] === "true";

class Agent {
  readonly #options: AgentOptions;
  readonly #seen = new Set<string>();
  readonly #waiting: [string, Template][] = [];
  readonly #under = new Set<Promise<void>>();

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Starts what is new in it. */
  take({ spec, status }: WorkflowTaskSet): void {
    for (const [id, template] of Object.entries(spec.tasks ?? {})) {
      if (this.#seen.has(id) || status?.nodes?.[id]?.phase) continue;
      this.#seen.add(id);
      this.#waiting.push([id, template]);
    }
    while (this.#under.size < atOnce && this.#waiting.length > 0) this.#next();
  }

  /** Resolves when nothing is under way. */
  async settle(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.allSettled(this.#under);
  }

  #next(): void {
    const [id, template] = this.#waiting.shift() as [string, Template];
    const work = this.#do(id, template).catch((error) => {
      this.#options.print(`task ${id}: its result could not be told: ${messageOf(error)}`);
    });
    this.#under.add(work);
    work.finally(() => {
      this.#under.delete(work);
      if (this.#waiting.length > 0) this.#next();
    });
  }

  async #do(id: string, template: Template): Promise<void> {
    const { print } = this.#options;
    const result = await this.#run(template);
    print(`task ${id}: ${result.phase}${result.message ? `: ${result.message}` : ""}`);
    try {
      await this.#report(id, result);
    } catch (error) {
      if (!isReason(error, "RequestEntityTooLarge", "Invalid", "BadRequest")) throw error;
      const message = `its result could not be kept: ${messageOf(error)}`;
      await this.#report(id, { phase: "Error", message });
    }
  }

  async #run(template: Template): Promise<NodeResult> {
    if (!template.http) return { phase: "Error", message: "error processing task: an agent does http templates only" };
    try {
      return await runHttp(template.http, this.#options);
    } catch (error) {
      return { phase: "Failed", message: messageOf(error) };
    }
  }

  async #report(id: string, result: NodeResult): Promise<void> {
    const { client, namespace, workflow, signal } = this.#options;
    const ref = { namespace, name: workflow };
    for (let attempt = 0; ; attempt++) {
      try {
        const body = { status: { nodes: { [id]: result } } };
        await client.patch(WorkflowTaskSets, ref, { type: "merge", body }, { subresource: "status" });
        return;
      } catch (error) {
        // The workflow has gone: nobody asks any more.
        if (isReason(error, "NotFound")) return;
        const final = isReason(error, "Forbidden", "Invalid", "BadRequest", "RequestEntityTooLarge");
        if (final || attempt + 1 >= tries || signal.aborted) throw error;
        await sleep(backoff(attempt, { base: 50, cap: 5000 }), signal);
      }
    }
  }
}
