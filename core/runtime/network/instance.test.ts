import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addressAt, contains, overlap, parseCidr } from "./address.ts";
import { createAddressPool } from "./addresses.ts";
import { allocateInstanceNetwork, releaseInstanceNetwork, voidClaims } from "./instance.ts";

test("addresses and ranges", () => {
  const cidr = parseCidr("10.64.128.7/17");
  assert.equal(addressAt(cidr, 10), "10.64.128.10");
  assert.ok(contains(cidr, "10.64.255.255") && !contains(cidr, "10.65.0.0"));
  assert.ok(overlap(cidr, parseCidr("10.0.0.0/8")) && !overlap(cidr, parseCidr("10.64.0.0/17")));
  for (const wrong of ["10.0.0.0", "10.0.0.0/33", "10.0.0.256/8", "x/8"])
    assert.throws(() => parseCidr(wrong), RangeError);
});

test("an address is given to one owner at a time", () => {
  const pool = createAddressPool("10.9.0.0/29");
  pool.keep("10.9.0.3", "earlier");
  const taken = [pool.take("a"), pool.take("b"), pool.take("c"), pool.take("d")];
  assert.deepEqual(taken, ["10.9.0.2", "10.9.0.4", "10.9.0.5", "10.9.0.6"]);
  assert.throws(() => pool.take("e"), /all 5 addresses of 10.9.0.0\/29 are taken/);
  pool.give("10.9.0.4", "not its owner");
  assert.throws(() => pool.take("e"), /are taken/);
  pool.give("10.9.0.4", "b");
  assert.equal(pool.take("e"), "10.9.0.4");
});

test("instances of one machine have different ranges, each the same again", () => {
  const base = mkdtempSync(join(tmpdir(), "capstan-network-"));
  try {
    const options = { registry: join(base, "registry"), bridged: false };
    const networks = Array.from({ length: 64 }, (_, index) => {
      const directory = join(base, String(index));
      mkdirSync(directory);
      const network = allocateInstanceNetwork(directory, options);
      assert.deepEqual(allocateInstanceNetwork(directory, options), network);
      return network;
    });
    assert.equal(new Set(networks.map(({ podCidr }) => podCidr)).size, 64);
    const [first] = networks;
    assert.ok(first && contains(parseCidr(first.serviceCidr), first.dnsIp));
    const late = join(base, "late");
    mkdirSync(late);
    assert.throws(() => allocateInstanceNetwork(late, options), /all 64 address ranges/);
    // What is left of an instance that is gone counts no longer.
    rmSync(join(base, "7"), { recursive: true });
    assert.throws(() => allocateInstanceNetwork(late, options), /all 64 address ranges/, "its process stands for it");
    const block = Number(networks[7]?.podCidr.split(".")[1]) - 64;
    const { pid } = spawnSync("true");
    writeFileSync(join(base, "registry", `loopback-${block}`), `${join(base, "7")}\n${pid}\n`);
    const [claim, ...others] = voidClaims(options);
    assert.deepEqual([claim?.network, claim?.dataDir, others.length], [networks[7], join(base, "7"), 0]);
    assert.equal(allocateInstanceNetwork(late, options).podCidr, networks[7]?.podCidr);
    releaseInstanceNetwork(late, options);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
