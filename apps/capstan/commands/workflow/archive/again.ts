import type { ArchivedWorkflow } from "@capstan/api/kinds/records";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { type ObjectRef, refOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { unpackNodes } from "@capstan/operators/workflow/control";
import { findArchived, resubmitArchived, retryArchived } from "@capstan/operators/workflow/history";
import { describeWorkflow } from "@capstan/operators/workflow/view";
import { parse, parseNumber } from "../../usage.ts";
import { readParameters, type Verb } from "../call.ts";
import { checkFollow, followAll, followFlags, followHelp } from "../follow.ts";
import { type Output, outputFlag, printObject, readOutput } from "../output.ts";
import { recordFlags, recordHelp, withRecords } from "../records-access.ts";

const shared = {
  ...recordFlags,
  ...followFlags,
  ...outputFlag,
  parameter: { type: "string", short: "p", multiple: true },
} as const;
const tail = `  -p, --parameter N=V another value for a parameter
${followHelp}
  -o, --output FORMAT name, json, yaml or wide
${recordHelp}`;

interface Again {
  verb: string;
  targets: string[];
  output: Output;
  make(client: Client, archived: ArchivedWorkflow): Promise<Workflow>;
}
type Values = Parameters<typeof withRecords>[0] & Parameters<typeof followAll>[2];

function runAgain(values: Values, { verb, targets, output, make }: Again): Promise<number> {
  checkFollow(verb, values);
  return withRecords(values, async (call) => {
    const made: ObjectRef[] = [];
    for (const target of targets) {
      const archived = await findArchived(call.client, call.namespace, target);
      const workflow = await unpackNodes(await make(call.client, archived));
      await printObject(workflow, output, (one) => describeWorkflow(one, { now: Date.now(), wide: output === "wide" }));
      made.push(refOf(workflow));
    }
    return followAll(call, made, values);
  });
}

async function runResubmit(args: string[]): Promise<number> {
  const command = "workflow archive resubmit";
  const flags = { ...shared, memoized: { type: "boolean", default: false }, priority: { type: "string" } } as const;
  const { values, positionals: targets } = parse(command, args, flags, ["NAME|UID..."]);
  const verb = "archive resubmit";
  const output = readOutput(verb, values.output);
  const parameters = readParameters(verb, values.parameter);
  const { memoized } = values;
  const priority =
    values.priority === undefined
      ? {}
      : { priority: parseNumber(command, "--priority", values.priority, -(2 ** 31), 2 ** 31 - 1) };
  const options = { memoized, parameters, ...priority };
  const make = (client: Client, archived: ArchivedWorkflow) => resubmitArchived(client, archived, options);
  return runAgain(values, { verb, targets, output, make });
}

async function runRetry(args: string[]): Promise<number> {
  const flags = {
    ...shared,
    "restart-successful": { type: "boolean", default: false },
    "node-field-selector": { type: "string" },
  } as const;
  const { values, positionals: targets } = parse("workflow archive retry", args, flags, ["NAME|UID..."]);
  const verb = "archive retry";
  const output = readOutput(verb, values.output);
  const parameters = readParameters(verb, values.parameter);
  const selector = values["node-field-selector"];
  const options = {
    restartSuccessful: values["restart-successful"],
    parameters,
    ...(selector ? { nodeFieldSelector: selector } : {}),
  };
  const make = (client: Client, archived: ArchivedWorkflow) => retryArchived(client, archived, options);
  return runAgain(values, { verb, targets, output, make });
}

export const resubmit: Verb = {
  help: `Usage: capstan workflow archive resubmit NAME|UID... [options]

Runs an archived workflow again as a new one.

Options:
  --memoized          steps that succeeded are not run again: their outputs are taken over (of a failed workflow)
  --priority N
${tail}`,
  run: runResubmit,
};

export const retry: Verb = {
  help: `Usage: capstan workflow archive retry NAME|UID... [options]

Runs the failed steps of an archived workflow again, under its own name, which no workflow in the cluster may have.

Options:
  --restart-successful --node-field-selector F
                      run these steps again although they succeeded
${tail}`,
  run: runRetry,
};
