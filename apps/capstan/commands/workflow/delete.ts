import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, refOf } from "@capstan/api/meta";
import { parse, UsageError } from "../usage.ts";
import { type Call, commonFlags, commonHelp, locate, print, type Verb, withCluster } from "./call.ts";
import { filterFlags, listWorkflows, selectorHelp } from "./selection.ts";

const help = `Usage: capstan workflow delete NAME... [options]
       capstan workflow delete --all|--completed|--older AGE|… [options]

Deletes workflows with their pods.

Options:
  --all               all of the namespace
  --completed, --resubmitted
  --status PHASE,…    such as Failed,Error
  --older AGE         over for longer than 10m, 3h or 1d
  --prefix TEXT       names that begin so
${selectorHelp}
  -A, --all-namespaces
  --dry-run           print what would be deleted
  --force             take their finalizers away first: artifacts that those would have removed may stay
${commonHelp}

Try:
  capstan workflow delete --completed --older 7d --dry-run
  capstan workflow delete @latest`;

const flags = {
  ...commonFlags,
  ...filterFlags,
  all: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
  force: { type: "boolean", default: false },
} as const;

async function remove(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow delete", args, flags, ["NAME...?"]);
  const { all, completed, running, resubmitted, prefix, older, since, selector, status } = values;
  const isFiltered =
    all || completed || running || resubmitted || values["all-namespaces"] || values["field-selector"] !== undefined;
  const chosen = isFiltered || [prefix, older, since, selector, status].some((one) => one !== undefined);
  if (positionals.length === 0 && !chosen) {
    throw new UsageError("workflow delete", "which workflow? Give its NAME, @latest, --all, or a filter");
  }
  return withCluster(values, async (call) => {
    const refs: ObjectRef[] = [];
    for (const name of positionals) refs.push(await locate(call, name));
    if (chosen) refs.push(...(await listWorkflows("delete", call, values)).map(refOf));
    if (refs.length === 0) print("No resources found");
    for (const ref of refs) await deleteOne(call, ref, values);
    return 0;
  });
}

async function deleteOne({ client }: Call, ref: ObjectRef, how: { "dry-run": boolean; force: boolean }): Promise<void> {
  if (how["dry-run"]) {
    print(`Workflow '${ref.name}' deleted (dry-run)`);
    return;
  }
  try {
    if (how.force) {
      const body = { metadata: { finalizers: null } };
      await client.patch<Workflow>(Workflows, ref, { type: "merge", body });
    }
    await client.delete(Workflows, ref, { propagationPolicy: "Background" });
    print(`Workflow '${ref.name}' deleted`);
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
    print(`Workflow '${ref.name}' not found`);
  }
}

export const verb: Verb = { help, run: remove };
