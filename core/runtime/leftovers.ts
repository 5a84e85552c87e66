// What an instance that was killed leaves on the machine: processes, cgroups, a bridge with its rules and routes.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { sleep } from "@capstan/base/async";
import { type AllocateOptions, type InstanceNetwork, type VoidClaim, voidClaims } from "./network/instance.ts";
import { sweepCgroups } from "./oci/cgroup.ts";
import { findTool, run } from "./oci/command.ts";
import { type ContainerRecord, endGrace, OciContainer } from "./oci/container.ts";
import { LayeredRoot } from "./oci/layers.ts";
import { family, hears, kill, readProcess } from "./oci/processes.ts";

/** Begins the names of an instance's cgroups, and of no other's: its ranges are its own. */
export function instancePrefix({ bridge, podCidr }: InstanceNetwork): string {
  return `${bridge ?? `capstan-lo${podCidr.split(".")[1]}`}-`;
}

/**
 * Ends and removes what an instance left that no process of it runs for any more; its data directory stays as it is.
 * @returns whether there was anything
 */
export async function removeLeftovers(dataDir: string): Promise<boolean> {
  const file = join(dataDir, "network.json");
  if (!existsSync(file)) return false;
  const network = JSON.parse(readFileSync(file, "utf8")) as InstanceNetwork;
  return await clear(network, dataDir);
}

/** The same for every instance of this machine whose data directory is gone and whose process too. */
export async function sweepInstances(options: AllocateOptions): Promise<void> {
  await Promise.all(voidClaims(options).map(sweep));
}

async function sweep({ network, dataDir, release }: VoidClaim): Promise<void> {
  await clear(network, dataDir);
  release();
}

async function clear(network: InstanceNetwork, dataDir: string): Promise<boolean> {
  const ended = await endHolders(dataDir);
  if (process.getuid?.() !== 0) return ended;
  const swept = await sweepCgroups(instancePrefix(network));
  return (network.bridge !== undefined && (await clearNetwork(network, network.bridge))) || swept || ended;
}

const script = /\/core\/runtime\/oci\/(sandbox|launch)\.sh$/;

/**
 * Ends scripts of ours that hold a pod or a container of the directory, and what they started: programs that listen may
 * end in good order.
 */
async function endHolders(dataDir: string): Promise<boolean> {
  const present = held(dataDir);
  if (present.length === 0) return false;
  await askToEnd(dataDir, new Set(present));
  for (const pid of held(dataDir)) kill(pid, "SIGKILL");
  return true;
}

/** A container's first process goes before its parent, which would leave it to nobody. */
function held(dataDir: string): number[] {
  const own = `${resolve(dataDir)}/`;
  const holding = readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    const words = readProcess(name, "cmdline").split("\0");
    return words.some((word) => script.test(word)) && words.some((word) => word.startsWith(own));
  });
  return holding.flatMap((name) => family(Number(name)).reverse());
}

/** Their ends say nothing about them: the next agent runs them again. */
async function askToEnd(dataDir: string, present: ReadonlySet<number>): Promise<void> {
  const nodes = join(dataDir, "nodes");
  const nodeDirectories = [dataDir, ...(existsSync(nodes) ? readdirSync(nodes).map((name) => join(nodes, name)) : [])];
  const directories = nodeDirectories.flatMap((directory) => {
    const containers = join(directory, "runtime", "containers");
    return existsSync(containers) ? readdirSync(containers).map((name) => join(containers, name)) : [];
  });
  await Promise.all(directories.map((directory) => askOneToEnd(directory, present)));
}

async function askOneToEnd(directory: string, present: ReadonlySet<number>): Promise<void> {
  const files = ["config.json", "pid"].map((name) => join(directory, name));
  if (!files.every((file) => existsSync(file))) return;
  const [text = "", number] = files.map((file) => readFileSync(file, "utf8"));
  const pid = Number(number);
  if (!present.has(pid)) return;
  const container = new OciContainer(JSON.parse(text) as ContainerRecord, directory, new LayeredRoot([]), undefined);
  container.interrupt();
  const { stopSignal = constants.signals.SIGTERM, config } = container.record;
  if (!hears(pid, stopSignal)) return;
  kill(pid, stopSignal);
  await ended(pid, 1000 * Math.min(config.graceSeconds ?? endGrace, endGrace));
}

/** Nobody here is told of its end: it is no child. */
async function ended(pid: number, ms: number): Promise<void> {
  const over = AbortSignal.timeout(ms);
  while (!over.aborted && isAlive(pid)) await sleep(lookMs, over);
}

const lookMs = 5;

function isAlive(pid: number): boolean {
  return readProcess(pid, "cmdline") !== "";
}

async function clearNetwork({ podCidr, serviceCidr }: InstanceNetwork, bridge: string): Promise<boolean> {
  const ip = findTool("ip");
  const nft = findTool("nft");
  const iptables = findTool("iptables");
  if (nft) {
    const { stdout } = await run(nft, ["list", "tables"]);
    const tables = stdout.split("\n").filter((line) => new RegExp(` ${bridge}(?!\\d)`).test(line));
    for (const line of tables) await run(nft, ["delete", ...line.split(" ")]);
  }
  if (iptables) {
    for (const table of ["filter", "nat"]) {
      const { stdout } = await run(iptables, ["-w", "-t", table, "-S"]);
      const rules = stdout.split("\n").filter((line) => line.startsWith("-A ") && isOf(line, bridge, podCidr));
      for (const rule of rules) await run(iptables, ["-w", "-t", table, "-D", ...rule.slice(3).split(" ")]);
    }
  }
  if (!ip) return false;
  await run(ip, ["route", "del", "local", serviceCidr, "dev", "lo"]);
  return (await run(ip, ["link", "del", bridge])).code === 0;
}

const isOf = (rule: string, bridge: string, cidr: string) =>
  rule.split(" ").some((word) => word === bridge || word === cidr);
