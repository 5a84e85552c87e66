import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { silent } from "@capstan/base/log";
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
  const elsewhere = await cleanRemote(directory);
  return (await removeLeftovers(directory.root)) || elsewhere;
}

/** What was left in containerd or another runtime: its client is loaded where there was one. */
async function cleanRemote(directory: DataDirectory): Promise<boolean> {
  const nodes = directory.path("nodes");
  const further = existsSync(nodes) ? readdirSync(nodes).map((name) => join(nodes, name)) : [];
  const all = [directory.root, ...further];
  if (!all.some((path) => existsSync(join(path, "runtime", "cri", "endpoint")))) return false;
  const { removeRemoteLeftovers } = await import("@capstan/core/runtime/remote");
  return await removeRemoteLeftovers(all, silent);
}
