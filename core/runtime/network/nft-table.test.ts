import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { createNftMonitor } from "./nft-monitor.ts";
import { changes, createNftTable, emptyState, nftMissing, type TableState } from "./nft-table.ts";

const state = (sets: Record<string, [string, ...string[]]>, chains: Record<string, string[]>): TableState => ({
  sets: new Map(Object.entries(sets).map(([name, [head, ...all]]) => [name, { head, elements: new Set(all) }])),
  chains: new Map(Object.entries(chains)),
});
const verdicts = "type ipv4_addr : verdict;";

test("a change is only what differs, in an order that never refers to what is not there", () => {
  const one = state({ m: [verdicts, "10.0.0.1 : jump a"] }, { a: ["accept"] });
  assert.deepEqual(changes("t", emptyState(), one), [
    "add map ip t m { type ipv4_addr : verdict; }",
    "add chain ip t a",
    "add rule ip t a accept",
    "add element ip t m { 10.0.0.1 : jump a }",
  ]);
  assert.deepEqual(changes("t", one, one), []);
  const two = state({ m: [verdicts, "10.0.0.1 : jump b"] }, { b: ["drop"] });
  assert.deepEqual(changes("t", one, two), [
    "add chain ip t b",
    "add rule ip t b drop",
    "flush chain ip t a",
    "delete element ip t m { 10.0.0.1 }",
    "add element ip t m { 10.0.0.1 : jump b }",
    "delete chain ip t a",
  ]);
});

test("the kernel takes each change whole or not at all", { skip: nftMissing() ?? false }, async () => {
  const name = `capstantest${process.pid}`;
  const table = createNftTable(name);
  assert.ok(table);
  const monitor = createNftMonitor(silent);
  const stop = new AbortController();
  const running = monitor.start(stop.signal);
  const watching = {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
  const shown = () => spawnSync("nft", ["list", "table", "ip", name], { encoding: "utf8" }).stdout;
  try {
    // What a killed process left is replaced.
    await table.open("chain old { }");
    await table.open(`map m { ${verdicts} }\nchain f { type filter hook forward priority 0; ip saddr vmap @m\n }`);
    assert.ok(!shown().includes("old"));
    const first = state({ s: ["type ipv4_addr;", "10.0.0.1"] }, { a: ["ip daddr @s accept", "drop"] });
    await table.apply(first);
    assert.match(shown(), /ip daddr @s accept/);
    assert.equal(await table.apply(first), 0);
    const wrong = state({ s: ["type ipv4_addr;", "10.0.0.2"] }, { a: ["nonsense"] });
    await assert.rejects(table.apply(wrong), /nft, table capstantest\d+: .*nonsense/s);
    assert.match(shown(), /10\.0\.0\.1/);
    await table.apply(emptyState());
    assert.ok(!shown().includes("@s"));
    assert.equal(await table.exists(), true);
    await using _ = watching;
    const told = new Promise<void>((resolve) => monitor.onDeleted(name, resolve));
    // The monitor's program may not look yet.
    let seen = false;
    void told.then(() => (seen = true));
    while (!seen) {
      spawnSync("nft", ["delete", "table", "ip", name]);
      assert.equal(await table.exists(), false);
      spawnSync("nft", ["add", "table", "ip", name]);
    }
  } finally {
    await table.remove();
  }
  assert.equal(shown(), "");
});
