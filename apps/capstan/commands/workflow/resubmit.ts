import { type ObjectRef, refOf } from "@capstan/api/meta";
import { givenMismatch } from "@capstan/operators/workflow";
import { resubmitWorkflow } from "@capstan/operators/workflow/control";
import { describeWorkflow } from "@capstan/operators/workflow/view";
import { parse, parseNumber } from "../usage.ts";
import { commonFlags, commonHelp, readParameters, type Verb, withCluster } from "./call.ts";
import { checkFollow, followAll, followFlags, followHelp } from "./follow.ts";
import { outputFlag, printObject, readOutput } from "./output.ts";
import { chooseWorkflows, selectorFlags, selectorHelp } from "./selection.ts";

const help = `Usage: capstan workflow resubmit NAME... [options]

Runs a workflow again as a new one.

Options:
  --memoized          steps that succeeded are not run again: their outputs are taken over (of a failed workflow)
  -p, --parameter N=V another value for a parameter
  --priority N
${selectorHelp}
${followHelp}
  -o, --output FORMAT name, json, yaml or wide
${commonHelp}

Try:
  capstan workflow resubmit @latest -p seed=8 --log`;

const flags = {
  ...commonFlags,
  ...selectorFlags,
  ...followFlags,
  ...outputFlag,
  memoized: { type: "boolean", default: false },
  priority: { type: "string" },
  parameter: { type: "string", short: "p", multiple: true },
} as const;

async function resubmit(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow resubmit", args, flags, ["NAME...?"]);
  const output = readOutput("resubmit", values.output);
  checkFollow("resubmit", values);
  const parameters = readParameters("resubmit", values.parameter);
  const { memoized } = values;
  const priority =
    values.priority === undefined
      ? {}
      : { priority: parseNumber("workflow resubmit", "--priority", values.priority, -(2 ** 31), 2 ** 31 - 1) };
  return withCluster(values, async (call) => {
    const made: ObjectRef[] = [];
    for (const ref of await chooseWorkflows("resubmit", call, positionals, values)) {
      const workflow = await resubmitWorkflow(call.client, ref, {
        memoized,
        parameters,
        mismatch: givenMismatch,
        ...priority,
      });
      await printObject(workflow, output, (one) => describeWorkflow(one, { now: Date.now(), wide: output === "wide" }));
      made.push(refOf(workflow));
    }
    return followAll(call, made, values);
  });
}

export const verb: Verb = { help, run: resubmit };
