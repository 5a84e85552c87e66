import { restoreBackup } from "../backup/restore.ts";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { describe } from "./backup.ts";
import { parse } from "./usage.ts";

export async function restore(args: string[]): Promise<number> {
  const flags = { "data-dir": { type: "string" }, replace: { type: "boolean", default: false } } as const;
  const { values, positionals } = parse("restore", args, flags, ["FILE"]);
  const directory = locateDataDirectory(values["data-dir"]);
  const summary = await restoreBackup(positionals[0] ?? "", directory, { replace: values.replace });
  console.log(`${directory.root} holds ${describe(summary)}\nStart it with: capstan up --data-dir ${directory.root}`);
  return 0;
}
