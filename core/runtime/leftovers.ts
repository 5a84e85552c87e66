// What an instance that was killed leaves on the machine: processes, cgroups, a bridge with its rules and routes.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type AllocateOptions, type InstanceNetwork, type VoidClaim, voidClaims } from "./network/instance.ts";
import { sweepCgroups } from "./oci/cgroup.ts";
import { findTool, run } from "./oci/command.ts";
import { family, kill } from "./oci/processes.ts";

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
  const ended = killHolders(dataDir);
  if (process.getuid?.() !== 0) return ended;
  const swept = await sweepCgroups(instancePrefix(network));
  return (network.bridge !== undefined && (await clearNetwork(network, network.bridge))) || swept || ended;
}

const script = /\/core\/runtime\/oci\/(sandbox|launch)\.sh$/;

/** Scripts of ours that hold a pod or a container of the directory, and what they started. */
function killHolders(dataDir: string): boolean {
  const own = `${resolve(dataDir)}/`;
  const holding = readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    const words = commandLine(name).split("\0");
    return words.some((word) => script.test(word)) && words.some((word) => word.startsWith(own));
  });
  // A container's first process goes before its parent, which would leave it to nobody.
  for (const pid of holding.flatMap((name) => family(Number(name)).reverse())) kill(pid, "SIGKILL");
  return holding.length > 0;
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
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
