import { suspendWorkflow } from "@capstan/operators/workflow/control";
import { parse } from "../usage.ts";
import { commonFlags, commonHelp, locate, print, type Verb, withCluster } from "./call.ts";

const help = `Usage: capstan workflow suspend NAME... [options]

Nothing new starts until "capstan workflow resume"; steps that run go on to their end.

Options:
${commonHelp}

Try:
  capstan workflow suspend @latest`;

async function suspend(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow suspend", args, commonFlags, ["NAME..."]);
  return withCluster(values, async (call) => {
    for (const target of positionals) {
      const ref = await locate(call, target);
      await suspendWorkflow(call.client, ref);
      print(`workflow ${ref.name} suspended`);
    }
    return 0;
  });
}

export const verb: Verb = { help, run: suspend };
