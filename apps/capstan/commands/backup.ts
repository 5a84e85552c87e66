import { existsSync } from "node:fs";
import { openStore } from "@capstan/core/store";
import { readContent } from "../backup/content.ts";
import { type Summary, writeBackup } from "../backup/file.ts";
import { askBackup } from "../instance/control.ts";
import {
  claimDataDirectory,
  type DataDirectory,
  locateDataDirectory,
  lockDataDirectory,
} from "../instance/data-directory.ts";
import { parse } from "./usage.ts";

export async function backup(args: string[]): Promise<number> {
  const flags = { "data-dir": { type: "string" }, replace: { type: "boolean", default: false } } as const;
  const { values, positionals } = parse("backup", args, flags, ["FILE"]);
  const [file = ""] = positionals;
  const { replace } = values;
  if (existsSync(file) && !replace) throw new Error(`${file} exists already; --replace overwrites it`);
  const directory = locateDataDirectory(values["data-dir"]);
  const running = await askBackup(directory.socket);
  const summary = running
    ? await writeBackup(file, running, { replace })
    : await backUpStopped(directory, file, replace);
  console.log(`${file}: ${describe(summary)}`);
  return 0;
}

async function backUpStopped(directory: DataDirectory, file: string, replace: boolean): Promise<Summary> {
  if (!existsSync(directory.path("store"))) {
    throw new Error(`${directory.root} holds no cluster: --data-dir says where it is`);
  }
  claimDataDirectory(directory);
  using _lock = lockDataDirectory(directory);
  await using store = openStore(directory.path("store"));
  return await writeBackup(file, readContent(store, directory), { replace });
}

/** What was written or restored, in a line. */
export function describe({ objects, revision, created, size }: Summary): string {
  return `${objects} objects at revision ${revision}, ${(size / 2 ** 20).toFixed(1)} MiB, taken ${created}`;
}
