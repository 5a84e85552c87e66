import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend } from "./backends.ts";
import { type Choice, createScheduler, keyOf } from "./schedulers.ts";

const backends = (...weights: number[]): Backend[] =>
  weights.map((weight, index) => ({ address: `10.0.0.${index + 1}`, port: 80, weight }));

/** How often each backend is chosen, when connections stay open as `active` counts them. */
function count(
  name: Parameters<typeof createScheduler>[0],
  all: Backend[],
  times: number,
  source = (_: number) => "c",
) {
  const scheduler = createScheduler(name);
  const active = new Map<string, number>();
  for (let time = 0; time < times; time++) {
    const choice: Choice = {
      source: source(time),
      destination: "10.96.0.1",
      active: (one) => active.get(keyOf(one)) ?? 0,
    };
    const key = keyOf(scheduler(all, choice));
    active.set(key, (active.get(key) ?? 0) + 1);
  }
  return all.map((one) => active.get(keyOf(one)) ?? 0);
}

test("rr takes turns, wrr by weight", () => {
  assert.deepEqual(count("rr", backends(5, 1, 1), 9), [3, 3, 3]);
  assert.deepEqual(count("wrr", backends(3, 1), 8), [6, 2]);
  const scheduler = createScheduler("wrr");
  const choice: Choice = { source: "", destination: "", active: () => 0 };
  const order = Array.from({ length: 4 }, () => scheduler(backends(3, 1), choice).address.at(-1)).join("");
  assert.equal(order, "1121");
});

test("lc evens out, wlc and sed by weight, nq fills the idle first", () => {
  assert.deepEqual(count("lc", backends(1, 1, 1), 9), [3, 3, 3]);
  assert.deepEqual(count("wlc", backends(2, 1), 9), [6, 3]);
  assert.deepEqual(count("sed", backends(3, 1), 2), [2, 0]);
  assert.deepEqual(count("nq", backends(3, 1), 2), [1, 1]);
});

test("sh keeps a client at its backend, and moves only those of one that goes", () => {
  const scheduler = createScheduler("sh");
  const at = (source: string, all: Backend[]) => keyOf(scheduler(all, { source, destination: "", active: () => 0 }));
  const all = backends(1, 1, 1, 1);
  const clients = Array.from({ length: 200 }, (_, index) => `192.0.2.${index}`);
  const before = clients.map((client) => at(client, all));
  assert.deepEqual(
    clients.map((client) => at(client, all)),
    before,
  );
  for (const one of all) assert.ok(before.filter((key) => key === keyOf(one)).length > 20);
  const left = all.slice(1);
  for (const [index, client] of clients.entries()) {
    if (before[index] !== keyOf(all[0] as Backend)) assert.equal(at(client, left), before[index]);
  }
});

test("dh chooses by the address that was asked for", () => {
  const shares = count("dh", backends(1, 1), 10, (time) => String(time));
  assert.ok(shares.includes(10));
});
