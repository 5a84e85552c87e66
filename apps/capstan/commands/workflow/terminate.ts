import { shutDownWorkflow } from "@capstan/operators/workflow/control";
import { parse } from "../usage.ts";
import { commonFlags, commonHelp, print, type Verb, withCluster } from "./call.ts";
import { chooseWorkflows, selectorFlags, selectorHelp } from "./selection.ts";

const help = `Usage: capstan workflow terminate NAME... [options]

Ends what runs at once; exit handlers do not run. "capstan workflow stop" lets them.

Options:
${selectorHelp}
  --dry-run           print what would be terminated
${commonHelp}

Try:
  capstan workflow terminate -l team=a`;

const flags = { ...commonFlags, ...selectorFlags, "dry-run": { type: "boolean", default: false } } as const;

async function terminate(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow terminate", args, flags, ["NAME...?"]);
  return withCluster(values, async (call) => {
    for (const ref of await chooseWorkflows("terminate", call, positionals, values)) {
      if (!values["dry-run"]) await shutDownWorkflow(call.client, ref, "Terminate");
      print(`workflow ${ref.name} terminated${values["dry-run"] ? " (dry-run)" : ""}`);
    }
    return 0;
  });
}

export const verb: Verb = { help, run: terminate };
