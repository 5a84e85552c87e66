import { archivedLabels } from "@capstan/operators/workflow/history";
import { parse, UsageError } from "../../usage.ts";
import { print, type Verb } from "../call.ts";
import { recordFlags, recordHelp, withRecords } from "../records-access.ts";

const flags = {
  ...recordFlags,
  "all-namespaces": { type: "boolean", short: "A", default: false },
  selector: { type: "string", short: "l" },
} as const;

async function run(command: string, args: string[], isKeys: boolean): Promise<number> {
  const { values, positionals } = parse(command, args, flags, isKeys ? [] : ["KEY?"]);
  const key = isKeys ? undefined : (positionals[0] ?? values.selector);
  if (!isKeys && !key) throw new UsageError(command, "KEY is missing");
  return withRecords(values, async ({ client, namespace }) => {
    const place = values["all-namespaces"] ? undefined : namespace;
    for (const text of await archivedLabels(client, place, key)) print(text);
    return 0;
  });
}

export const keys: Verb = {
  help: `Usage: capstan workflow archive list-label-keys [options]

Options:
  -A, --all-namespaces
${recordHelp}`,
  run: (args) => run("workflow archive list-label-keys", args, true),
};

export const values: Verb = {
  help: `Usage: capstan workflow archive list-label-values KEY [options]

Options:
  -l, --selector KEY  the same as KEY
  -A, --all-namespaces
${recordHelp}`,
  run: (args) => run("workflow archive list-label-values", args, false),
};
