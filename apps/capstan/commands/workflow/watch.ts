import { parse } from "../usage.ts";
import { commonFlags, commonHelp, locate, type Verb, withCluster } from "./call.ts";
import { watchOne } from "./follow.ts";
import { readNodeFilter } from "./get.ts";

const help = `Usage: capstan workflow watch NAME|FILE [options]

On a terminal the tree is drawn anew at every change; elsewhere each step is a line when it ends, and the tree comes last.
Ends with the workflow: exit code 0 when it succeeded.

Options:
  --status PHASE, --node-field-selector F
                      show only these steps, as get does
${commonHelp}

Try:
  capstan workflow watch @latest`;

const flags = {
  ...commonFlags,
  status: { type: "string" },
  "node-field-selector": { type: "string" },
} as const;

async function watch(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow watch", args, flags, ["NAME"]);
  const shows = readNodeFilter("watch", values.status, values["node-field-selector"]);
  return withCluster(values, async (call) => watchOne(call, await locate(call, positionals[0] ?? ""), shows));
}

export const verb: Verb = { help, run: watch };
