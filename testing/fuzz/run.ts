// The long run: node testing/fuzz/run.ts [requests, default 100000] [seed, default of today]. Fails as the test does, and
// when one request takes longer than 5 s or the process grows beyond 1 GiB.
import assert from "node:assert/strict";
import { TestCluster } from "../cluster/index.ts";
import { fuzz } from "./fuzz.ts";

const today = Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));
const [count = 100_000, seed = today] = process.argv.slice(2).map(Number);
const each = 5000;
const patience = 5000;
const mebibytes = 1024;

await using cluster = await TestCluster.start();
// What the server waits with keeps no process alive: its socket does.
await cluster.listen();
const began = performance.now();
const total = new Map<number, number>();
for (let sent = 0; sent < count; sent += each) {
  const { codes, slowest } = await fuzz(cluster, Math.min(each, count - sent), seed + sent);
  for (const [code, times] of codes) total.set(code, (total.get(code) ?? 0) + times);
  const resident = Math.round(process.memoryUsage.rss() / 2 ** 20);
  console.log(`${sent + each} requests, ${resident} MiB, slowest ${Math.round(slowest.milliseconds)} ms`);
  assert.ok(slowest.milliseconds < patience, `too slow: ${slowest.request}`);
  assert.ok(resident < mebibytes, `the process has ${resident} MiB`);
}
const seconds = Math.round((performance.now() - began) / 1000);
console.log(
  `seed ${seed}: ${count} requests in ${seconds} s:`,
  Object.fromEntries([...total].sort(([a], [b]) => a - b)),
);
