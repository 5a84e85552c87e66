import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { createLogger, type LogRecord, silent } from "@capstan/base/log";
import { removeLeftovers } from "@capstan/core/runtime";
import { endAgents } from "../instance/agents.ts";
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
  const agents = await endAgents(directory.root);
  const elsewhere = await cleanRemote(directory);
  const ended = await removeLeftovers(directory.root);
  await unmountAll(directory);
  return ended || elsewhere || agents;
}

/** What drivers had mounted for pods. Of what cannot be undone the user has to know. */
async function unmountAll(directory: DataDirectory): Promise<void> {
  const { defaultNodeName, releaseVolumes } = await import("@capstan/cluster/node");
  const write = ({ message, fields }: LogRecord) => console.error(`capstan: ${message}: ${fields.problem}`);
  const log = createLogger(write, "warn");
  await releaseVolumes({ dataDir: directory.root, nodeName: defaultNodeName(), log });
  for (const dataDir of furtherNodes(directory)) await releaseVolumes({ dataDir, nodeName: basename(dataDir), log });
}

function furtherNodes(directory: DataDirectory): string[] {
  const nodes = directory.path("nodes");
  return existsSync(nodes) ? readdirSync(nodes).map((name) => join(nodes, name)) : [];
}

/** What was left in containerd or another runtime: its client is loaded where there was one. */
async function cleanRemote(directory: DataDirectory): Promise<boolean> {
  const all = [directory.root, ...furtherNodes(directory)];
  if (!all.some((path) => existsSync(join(path, "runtime", "cri", "endpoint")))) return false;
  const { removeRemoteLeftovers } = await import("@capstan/core/runtime/remote");
  return await removeRemoteLeftovers(all, silent);
}
