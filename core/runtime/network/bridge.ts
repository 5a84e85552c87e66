import { readFileSync, writeFileSync } from "node:fs";
import { findTool, mustRun, run } from "../oci/command.ts";
import { addressAt, parseCidr } from "./address.ts";
import type { InstanceNetwork } from "./instance.ts";

export interface Bridge {
  gateway: string;
  prefix: number;
  /** What pods cannot do, and why. */
  missing: string[];
  remove(): Promise<void>;
}

/**
 * Makes the instance's bridge, and lets the node take every address of the service range as its own.
 * Outbound traffic of pods is translated where nft or iptables is installed.
 */
export async function openBridge(network: InstanceNetwork, ip: string): Promise<Bridge> {
  const { bridge: name, podCidr, serviceCidr } = network;
  if (!name) throw new TypeError("the instance's network has no bridge");
  const range = parseCidr(podCidr);
  const gateway = addressAt(range, 1);
  // What a killed instance left: containers may still hang on it, so it is kept.
  const there = (await run(ip, ["link", "show", "dev", name])).code === 0;
  if (!there) await mustRun(ip, ["link", "add", name, "type", "bridge"]);
  // Left to itself a bridge takes the lowest address of its ports: pods would lose their gateway when that pod goes.
  await mustRun(ip, ["link", "set", name, "address", hardwareAddressOf(gateway)]);
  await mustRun(ip, ["addr", "replace", `${gateway}/${range.prefix}`, "dev", name]);
  // The bridge is IPv4 only: an IPv6 address that comes with the first pod makes browsers on the node drop their requests.
  await mustRun(ip, ["link", "set", name, "addrgenmode", "none", "up"]);
  await mustRun(ip, ["route", "replace", "local", serviceCidr, "dev", "lo"]);
  // Pods reach each other through the node, by the way they came.
  if (readFileSync(forwarding, "utf8").trim() === "0") writeFileSync(forwarding, "1");
  writeFileSync(`/proc/sys/net/ipv4/conf/${name}/send_redirects`, "0");
  const passage = await openPassage(name);
  const translation = await openTranslation(name, podCidr);
  return {
    gateway,
    prefix: range.prefix,
    missing: translation.missing,
    async remove() {
      await passage.remove();
      await translation.remove();
      await mustRun(ip, ["route", "del", "local", serviceCidr, "dev", "lo"]);
      await mustRun(ip, ["link", "del", name]);
    },
  };
}

/** Of the range that is for local use, as CNI's plugins derive it from the IPv4 address. */
const hardwareAddressOf = (address: string): string =>
  ["0a:58", ...address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");

const forwarding = "/proc/sys/net/ipv4/ip_forward";

async function openTranslation(name: string, podCidr: string): Promise<{ missing: string[]; remove(): Promise<void> }> {
  const nft = findTool("nft");
  const iptables = findTool("iptables");
  if (!nft && !iptables) {
    const missing = ["pods reach the node and each other, not other machines: install nftables for that"];
    return { missing, remove: async () => {} };
  }
  if (nft) {
    const rules = `table ip ${name} { chain out { type nat hook postrouting priority 100; ip saddr ${podCidr} oifname != "${name}" masquerade\n}\n}\n`;
    await run(nft, ["delete", "table", "ip", name]);
    const { code, stderr } = await run(nft, ["-f", "-"], rules);
    if (code !== 0)
      return { missing: [`pods do not reach other machines: nft: ${stderr.trim()}`], remove: async () => {} };
    return { missing: [], remove: async () => void (await mustRun(nft, ["delete", "table", "ip", name])) };
  }
  const rule = ["POSTROUTING", "-s", podCidr, "!", "-o", name, "-j", "MASQUERADE"];
  const tables = iptables as string;
  if ((await run(tables, ["-t", "nat", "-C", ...rule])).code !== 0) {
    const { code, stderr } = await run(tables, ["-t", "nat", "-A", ...rule]);
    if (code !== 0)
      return { missing: [`pods do not reach other machines: iptables: ${stderr.trim()}`], remove: async () => {} };
  }
  return { missing: [], remove: async () => void (await mustRun(tables, ["-t", "nat", "-D", ...rule])) };
}

/** Where another program lets nothing be forwarded that it has not allowed (Docker does), the bridge's traffic is. */
async function openPassage(name: string): Promise<{ remove(): Promise<void> }> {
  const iptables = findTool("iptables");
  if (!iptables) return { remove: async () => {} };
  const rules = [
    ["FORWARD", "-i", name, "-j", "ACCEPT"],
    ["FORWARD", "-o", name, "-j", "ACCEPT"],
  ];
  const isThere = async (rule: string[]) => (await run(iptables, ["-w", "-C", ...rule])).code === 0;
  const policy = await run(iptables, ["-w", "-S", "FORWARD"]);
  if (policy.stdout.includes("-P FORWARD DROP")) {
    for (const rule of rules) if (!(await isThere(rule))) await mustRun(iptables, ["-w", "-I", ...rule]);
  }
  return {
    async remove() {
      if (!policy.stdout.includes("-P FORWARD DROP")) return;
      for (const rule of rules) if (await isThere(rule)) await mustRun(iptables, ["-w", "-D", ...rule]);
    },
  };
}
