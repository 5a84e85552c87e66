import { resumeWorkflow } from "@capstan/operators/workflow/control";
import { parse } from "../usage.ts";
import { commonFlags, commonHelp, locate, print, type Verb, withCluster } from "./call.ts";

const help = `Usage: capstan workflow resume NAME... [options]

Lets a suspended workflow go on, and ends its suspend steps. Outputs that somebody has to supply take their defaults;
without a default they have to be given first: capstan workflow node set NAME -p OUTPUT=VALUE

Options:
  --node-field-selector F
                      end only these suspend steps, such as displayName=approve
${commonHelp}

Try:
  capstan workflow resume release-x1 --node-field-selector displayName=approve`;

const flags = { ...commonFlags, "node-field-selector": { type: "string" } } as const;

async function resume(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow resume", args, flags, ["NAME..."]);
  return withCluster(values, async (call) => {
    for (const target of positionals) {
      const ref = await locate(call, target);
      await resumeWorkflow(call.client, ref, values["node-field-selector"]);
      print(`workflow ${ref.name} resumed`);
    }
    return 0;
  });
}

export const verb: Verb = { help, run: resume };
