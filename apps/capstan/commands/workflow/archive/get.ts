import { unpackNodes } from "@capstan/operators/workflow/control";
import { findArchived } from "@capstan/operators/workflow/history";
import { describeWorkflow } from "@capstan/operators/workflow/view";
import { parse } from "../../usage.ts";
import type { Verb } from "../call.ts";
import { outputFlag, printObject, readOutput } from "../output.ts";
import { recordFlags, recordHelp, withRecords } from "../records-access.ts";

const help = `Usage: capstan workflow archive get NAME|UID... [options]

Shows archived workflows with the tree of their steps; of several of a name the last started.

Options:
  -o, --output FORMAT wide, name, json or yaml
${recordHelp}`;

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow archive get", args, { ...recordFlags, ...outputFlag }, [
    "NAME|UID...",
  ]);
  const output = readOutput("archive get", values.output);
  return withRecords(values, async ({ client, namespace }) => {
    for (const target of positionals) {
      const { workflow } = await findArchived(client, namespace, target);
      if (!workflow) throw new Error(`${target}: the archive has no content of it`);
      const whole = await unpackNodes(workflow);
      await printObject(whole, output, (one) => describeWorkflow(one, { now: Date.now(), wide: output === "wide" }));
    }
    return 0;
  });
}

export const verb: Verb = { help, run };
