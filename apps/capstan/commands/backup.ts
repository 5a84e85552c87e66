import { existsSync } from "node:fs";
import { messageOf } from "@capstan/base/errors";
import { isStoreError, openStore, type Store, salvageStore } from "@capstan/core/store";
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
  const flags = {
    "data-dir": { type: "string" },
    replace: { type: "boolean", default: false },
    salvage: { type: "boolean", default: false },
  } as const;
  const { values, positionals } = parse("backup", args, flags, ["FILE"]);
  const [file = ""] = positionals;
  const { replace, salvage } = values;
  if (existsSync(file) && !replace) throw new Error(`${file} exists already; --replace overwrites it`);
  const directory = locateDataDirectory(values["data-dir"]);
  const running = await askBackup(directory.socket, { salvage });
  const summary = running
    ? await writeBackup(file, running, { replace })
    : await backUpStopped(directory, file, { replace, salvage });
  console.log(`${file}: ${describe(summary)}`);
  return 0;
}

async function backUpStopped(
  directory: DataDirectory,
  file: string,
  { replace, salvage }: { replace: boolean; salvage: boolean },
): Promise<Summary> {
  if (!existsSync(directory.path("store"))) {
    throw new Error(`${directory.root} holds no cluster: --data-dir says where it is`);
  }
  claimDataDirectory(directory);
  using _lock = lockDataDirectory(directory);
  await using store = salvage ? openReadable(directory.path("store")) : openStore(directory.path("store"));
  return await writeBackup(file, readContent(store, directory, { salvage }), { replace });
}

function openReadable(path: string): Store {
  try {
    return openStore(path);
  } catch (error) {
    if (!isStoreError(error, "Corrupted")) throw error;
    const store = salvageStore(path);
    console.error(`capstan: ${messageOf(store.failure)}`);
    return store;
  }
}

/** What was written or restored, in a line. */
export function describe({ objects, revision, created, size }: Summary): string {
  return `${objects} objects at revision ${revision}, ${(size / 2 ** 20).toFixed(1)} MiB, taken ${created}`;
}
