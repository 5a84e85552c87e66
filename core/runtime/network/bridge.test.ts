import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findTool, mustRun } from "../oci/command.ts";
import { openBridge } from "./bridge.ts";
import { allocateInstanceNetwork, releaseInstanceNetwork } from "./instance.ts";

const root = process.getuid?.() === 0 && findTool("ip") ? false : "a bridge needs root and the program ip";
const skip = root || (findTool("nft") || findTool("iptables") ? false : "nftables is not installed");

test("the gateway's hardware address stays when pods come and go", { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bridge-"));
  const ip = findTool("ip") ?? "";
  try {
    const network = allocateInstanceNetwork(directory, { bridged: true });
    const name = network.bridge ?? "";
    await using stack = new AsyncDisposableStack();
    const bridge = await openBridge(network, ip);
    stack.defer(() => bridge.remove());
    const seen = () => mustRun(ip, ["-o", "link", "show", "dev", name]).then((line) => /ether (\S+)/.exec(line)?.[1]);
    const before = await seen();
    // Lower than any other: what a bridge without an address of its own would take.
    const pair = ["type", "veth", "peer", "name", `${name}q`];
    await mustRun(ip, ["link", "add", `${name}p`, "address", "02:00:00:00:00:01", ...pair]);
    await mustRun(ip, ["link", "set", `${name}p`, "master", name]);
    assert.equal(await seen(), before);
    await mustRun(ip, ["link", "del", `${name}p`]);
    assert.equal(await seen(), before);
    releaseInstanceNetwork(directory, { bridged: true });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("pods get out by the node's address, and nothing of that is left", { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bridge-"));
  try {
    const network = allocateInstanceNetwork(directory, { bridged: true });
    const name = network.bridge ?? "";
    const bridge = await openBridge(network, findTool("ip") ?? "");
    assert.deepEqual(bridge.missing, []);
    const nft = findTool("nft");
    if (nft) assert.match(await mustRun(nft, ["list", "table", "ip", name]), /masquerade/);
    // A second start finds what a killed one left.
    const again = await openBridge(network, findTool("ip") ?? "");
    assert.deepEqual(again.missing, []);
    await again.remove();
    assert.ok(!Object.keys(networkInterfaces()).includes(name));
    if (nft) assert.ok(!(await mustRun(nft, ["list", "tables"])).includes(`${name}\n`));
    releaseInstanceNetwork(directory, { bridged: true });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
