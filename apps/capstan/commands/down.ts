import { existsSync } from "node:fs";
import { removeLeftovers } from "@capstan/core/runtime";
import { askDown } from "../instance/control.ts";
import { type DataDirectory, locateDataDirectory, lockDataDirectory } from "../instance/data-directory.ts";
import { parse } from "./usage.ts";

export async function down(args: string[]): Promise<number> {
  const { values } = parse("down", args, { "data-dir": { type: "string" } });
  const directory = locateDataDirectory(values["data-dir"]);
  if (await askDown(directory.socket)) {
    console.log(`Stopped. Everything is kept in ${directory.root}.`);
  } else if (await clean(directory)) {
    console.log(`Ended what a killed process had left running. Everything is kept in ${directory.root}.`);
  } else {
    console.log(`Nothing runs on ${directory.root}.`);
  }
  return 0;
}

/** Nobody answers: what is still there belongs to nobody, unless a process that is starting has the lock. */
async function clean(directory: DataDirectory): Promise<boolean> {
  if (!existsSync(directory.path("network.json"))) return false;
  using _ = lockDataDirectory(directory);
  return await removeLeftovers(directory.root);
}
