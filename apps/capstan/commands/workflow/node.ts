import type { NodePhase } from "@capstan/api/kinds/workflow";
import { setNode } from "@capstan/operators/workflow/control";
import { parse, UsageError } from "../usage.ts";
import { commonFlags, commonHelp, locate, print, readParameters, type Verb, withCluster } from "./call.ts";

const help = `Usage: capstan workflow node set NAME --node-field-selector F [options]

Gives a suspend step what it waits for. A value that the parameter's enum does not have is refused.

Options:
  --node-field-selector F
                      which suspend steps, such as displayName=approve
  -p, --output-parameter N=V
                      the value of an output with valueFrom.supplied; may be given again
  --phase PHASE       such as Succeeded or Failed: ends the step
  -m, --message TEXT
${commonHelp}

Try:
  capstan workflow node set release-x1 -p approve=YES --node-field-selector displayName=approve
  capstan workflow resume release-x1 --node-field-selector displayName=approve`;

const flags = {
  ...commonFlags,
  "node-field-selector": { type: "string" },
  "output-parameter": { type: "string", short: "p", multiple: true },
  phase: { type: "string" },
  message: { type: "string", short: "m" },
} as const;

async function node(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow node", args, flags, ["the action (set)", "NAME"]);
  const [action, target = ""] = positionals;
  if (action !== "set") throw new UsageError("workflow node", `"${action}" is no action; there is: set`);
  const { message, phase } = values;
  const outputs = readParameters("node", values["output-parameter"]);
  const selector = values["node-field-selector"];
  if (!selector) throw new UsageError("workflow node", "--node-field-selector is missing: it names the suspend step");
  return withCluster(values, async (call) => {
    await setNode(call.client, await locate(call, target), selector, {
      ...(phase ? { phase: phase as NodePhase } : {}),
      ...(message ? { message } : {}),
      outputs,
    });
    print("workflow values set");
    return 0;
  });
}

export const verb: Verb = { help, run: node };
