import { alignColumns, listRows } from "@capstan/operators/workflow/view";
import { parse, parseNumber } from "../usage.ts";
import { commonFlags, commonHelp, print, type Verb, withCluster } from "./call.ts";
import { outputFlag, printObjects, readOutput } from "./output.ts";
import { filterFlags, listWorkflows, selectorHelp } from "./selection.ts";

const help = `Usage: capstan workflow list [options]

What is under way comes first, then what is over, the last first.

Options:
  --running, --completed, --resubmitted
  --status PHASE,…    Pending, Running, Succeeded, Failed or Error; may be given again
  --prefix TEXT       names that begin so
  --since AGE         made within the last 10m, 3h or 1d
  --older AGE         over for longer than that
${selectorHelp}
  -A, --all-namespaces
  --chunk-size N      ask the server for so many at once
  --no-headers
  -o, --output FORMAT wide (pods and parameters too), name, json or yaml
${commonHelp}

Try:
  capstan workflow list --status Failed,Error --since 1d
  capstan workflow list -o name --older 7d | xargs capstan workflow delete`;

const flags = {
  ...commonFlags,
  ...outputFlag,
  ...filterFlags,
  "chunk-size": { type: "string" },
  "no-headers": { type: "boolean", default: false },
} as const;

async function list(args: string[]): Promise<number> {
  const { values } = parse("workflow list", args, flags);
  const output = readOutput("list", values.output);
  const size = values["chunk-size"];
  const chunk = size === undefined ? 0 : parseNumber("workflow list", "--chunk-size", size, 0, 100_000);
  return withCluster(values, async (call) => {
    const workflows = await listWorkflows("list", call, values, chunk);
    if (workflows.length === 0) {
      print(output === "json" || output === "yaml" ? "[]" : "No workflows found");
      return 0;
    }
    await printObjects(workflows, output, (all) =>
      alignColumns(
        listRows(all, {
          now: Date.now(),
          wide: output === "wide",
          namespaces: values["all-namespaces"],
          headers: !values["no-headers"],
        }),
      ),
    );
    return 0;
  });
}

export const verb: Verb = { help, run: list };
