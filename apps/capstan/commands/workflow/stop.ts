import { setNode, shutDownWorkflow } from "@capstan/operators/workflow/control";
import { parse } from "../usage.ts";
import { commonFlags, commonHelp, print, type Verb, withCluster } from "./call.ts";
import { chooseWorkflows, selectorFlags, selectorHelp } from "./selection.ts";

const help = `Usage: capstan workflow stop NAME... [options]

Ends what runs and starts nothing more, but for exit handlers. "capstan workflow terminate" leaves those out too.

Options:
  --node-field-selector F
                      fail only these suspend steps, such as displayName=approve; the workflow goes on from there
  --message TEXT      what those steps say
${selectorHelp}
  --dry-run           print what would be stopped
${commonHelp}

Try:
  capstan workflow stop @latest
  capstan workflow stop release-x1 --node-field-selector displayName=approve --message "not this week"`;

const flags = {
  ...commonFlags,
  ...selectorFlags,
  "node-field-selector": { type: "string" },
  message: { type: "string" },
  "dry-run": { type: "boolean", default: false },
} as const;

async function stop(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow stop", args, flags, ["NAME...?"]);
  const { message } = values;
  const selector = values["node-field-selector"];
  return withCluster(values, async (call) => {
    for (const ref of await chooseWorkflows("stop", call, positionals, values)) {
      if (values["dry-run"]) {
        print(`workflow ${ref.name} stopped (dry-run)`);
        continue;
      }
      if (selector) await setNode(call.client, ref, selector, { phase: "Failed", ...(message ? { message } : {}) });
      else await shutDownWorkflow(call.client, ref, "Stop");
      print(`workflow ${ref.name} stopped`);
    }
    return 0;
  });
}

export const verb: Verb = { help, run: stop };
