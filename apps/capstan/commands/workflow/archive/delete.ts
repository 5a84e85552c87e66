import { ArchivedWorkflows } from "@capstan/api/kinds/records";
import { findArchived } from "@capstan/operators/workflow/history";
import { parse } from "../../usage.ts";
import { print, type Verb } from "../call.ts";
import { recordFlags, recordHelp, withRecords } from "../records-access.ts";

const help = `Usage: capstan workflow archive delete NAME|UID... [options]

Forgets archived workflows; of several of a name the last started. Workflows in the cluster and artifacts stay.

Options:
${recordHelp}`;

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow archive delete", args, recordFlags, ["NAME|UID..."]);
  return withRecords(values, async ({ client, namespace }) => {
    for (const target of positionals) {
      const { metadata, summary } = await findArchived(client, namespace, target);
      await client.delete(ArchivedWorkflows, { namespace, name: metadata.name });
      print(`Archived workflow '${summary.workflow}' (${metadata.name}) deleted`);
    }
    return 0;
  });
}

export const verb: Verb = { help, run };
