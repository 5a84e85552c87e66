// What happens after a workflow was started: watch it, wait for it, or print its logs.
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef } from "@capstan/api/meta";
import { describeWorkflow, logsOf, watchWorkflow } from "@capstan/operators/workflow/view";
import { UsageError } from "../usage.ts";
import { type Call, print, warn } from "./call.ts";

export const followFlags = {
  wait: { type: "boolean", short: "w", default: false },
  watch: { type: "boolean", default: false },
  log: { type: "boolean", default: false },
} as const;

export const followHelp = `  -w, --wait          wait until it is over
  --watch             show the tree until it is over
  --log               print its logs until it is over
                      With each of the three: exit code 0 only when the workflow succeeded`;

interface Wanted {
  wait: boolean;
  watch: boolean;
  log: boolean;
}

/** @throws UsageError for flags that do not go together. */
export function checkFollow(verb: string, { wait, watch, log }: Wanted): void {
  if (watch && (wait || log)) throw new UsageError(`workflow ${verb}`, "--watch goes with neither --wait nor --log");
}

/** Exit code 0, or 1 when a workflow that was followed did not succeed. */
export async function followAll(call: Call, refs: ObjectRef[], { wait, watch, log }: Wanted): Promise<number> {
  if (log) for (const ref of refs) await printLogs(call, ref);
  if (watch) {
    let code = 0;
    for (const ref of refs) code = Math.max(code, await watchOne(call, ref));
    return code;
  }
  return wait || log ? waitAll(call, refs, { quiet: log && !wait }) : 0;
}

async function printLogs({ client, signal }: Call, ref: ObjectRef): Promise<void> {
  for await (const { pod, text } of logsOf(client, ref, { follow: true, signal })) print(`${pod}: ${text}`);
}

/** Waits for all at once. */
export async function waitAll(
  call: Call,
  refs: ObjectRef[],
  { quiet = false, ignoreNotFound = false } = {},
): Promise<number> {
  const codes = await Promise.all(
    refs.map(async (ref) => {
      try {
        return await waitOne(call, ref, quiet);
      } catch (error) {
        if (call.signal.aborted || !isReason(error, "NotFound")) throw error;
        if (!ignoreNotFound) warn(`workflow ${ref.name} not found`);
        return ignoreNotFound ? 0 : 1;
      }
    }),
  );
  call.signal.throwIfAborted();
  return Math.max(0, ...codes);
}

async function waitOne({ client, signal }: Call, ref: ObjectRef, quiet: boolean): Promise<number> {
  let last: Workflow | undefined;
  for await (const state of watchWorkflow(client, ref, signal)) last = state;
  const { phase, finishedAt } = last?.status ?? {};
  if (!quiet && finishedAt) print(`${ref.name} ${phase} at ${finishedAt}`);
  return phase === "Succeeded" ? 0 : 1;
}

/** On a terminal redraws everything in place; elsewhere prints a line when a node ends, and the tree in the end. */
export async function watchOne(
  { client, signal }: Call,
  ref: ObjectRef,
  shows?: (node: NodeStatus) => boolean,
): Promise<number> {
  const terminal = process.stdout.isTTY === true;
  const told = new Set<string>();
  let last: Workflow | undefined;
  const draw = (workflow: Workflow) => describeWorkflow(workflow, { now: Date.now(), ...(shows ? { shows } : {}) });
  for await (const state of watchWorkflow(client, ref, signal)) {
    last = state;
    if (terminal) process.stdout.write(`\x1b[H\x1b[2J${draw(state).join("\n")}\n`);
    else tellEnds(state, told);
  }
  signal.throwIfAborted();
  if (last && !terminal) print(draw(last).join("\n"));
  return last?.status?.phase === "Succeeded" ? 0 : 1;
}

function tellEnds({ status }: Workflow, told: Set<string>): void {
  for (const node of Object.values(status?.nodes ?? {})) {
    if (node.type !== "Pod" || !node.finishedAt || told.has(node.id)) continue;
    told.add(node.id);
    print(`${node.phase}  ${node.displayName ?? node.name}${node.message ? `  ${node.message}` : ""}`);
  }
}
