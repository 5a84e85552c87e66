import { Workflows } from "@capstan/api/kinds/workflow";
import { givenMismatch } from "@capstan/operators/workflow";
import { createNodeCodec, retryWorkflow } from "@capstan/operators/workflow/control";
import { describeWorkflow } from "@capstan/operators/workflow/view";
import { parse } from "../usage.ts";
import { commonFlags, commonHelp, readParameters, type Verb, withCluster } from "./call.ts";
import { checkFollow, followAll, followFlags, followHelp } from "./follow.ts";
import { outputFlag, printObject, readOutput } from "./output.ts";
import { chooseWorkflows, selectorFlags, selectorHelp } from "./selection.ts";

const help = `Usage: capstan workflow retry NAME... [options]

Runs the failed steps of a workflow again, with all that comes after them, in the same workflow: what has succeeded stays.

Options:
  --restart-successful --node-field-selector F
                      run these steps again although they succeeded, such as displayName=train or
                      inputs.parameters.seed.value=7
  -p, --parameter N=V another value for a parameter
${selectorHelp}
${followHelp}
  -o, --output FORMAT name, json, yaml or wide
${commonHelp}

Try:
  capstan workflow retry @latest --watch
  capstan workflow retry train-abcde --restart-successful --node-field-selector templateName=evaluate`;

const flags = {
  ...commonFlags,
  ...selectorFlags,
  ...followFlags,
  ...outputFlag,
  "restart-successful": { type: "boolean", default: false },
  "node-field-selector": { type: "string" },
  parameter: { type: "string", short: "p", multiple: true },
} as const;

async function retry(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow retry", args, flags, ["NAME...?"]);
  const output = readOutput("retry", values.output);
  checkFollow("retry", values);
  const parameters = readParameters("retry", values.parameter);
  const selector = values["node-field-selector"];
  return withCluster(values, async (call) => {
    const refs = await chooseWorkflows("retry", call, positionals, values);
    for (const ref of refs) {
      await retryWorkflow(call.client, ref, {
        restartSuccessful: values["restart-successful"],
        parameters,
        mismatch: givenMismatch,
        ...(selector ? { nodeFieldSelector: selector } : {}),
      });
      const now = await createNodeCodec(call.client).unpack(await call.client.get(Workflows, ref));
      await printObject(now, output, (one) => describeWorkflow(one, { now: Date.now(), wide: output === "wide" }));
    }
    return followAll(call, refs, values);
  });
}

export const verb: Verb = { help, run: retry };
