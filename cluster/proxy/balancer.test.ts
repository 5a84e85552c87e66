import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Balancer } from "./balancer.ts";
import { keyOf } from "./schedulers.ts";

const port = { name: "", protocol: "TCP" as const, port: 80, nodePort: undefined };
const backends = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => ({ address, port: 8080, weight: 1 }));
const none = new Set<string>();

test("a client keeps its backend while it comes back in time and the backend is there", (context) => {
  mock.timers.enable({ apis: ["Date"] });
  context.after(() => mock.timers.reset());
  const balancer = new Balancer(port, { backends, scheduler: "rr", affinity: 10_000 });
  const choose = (client: string, refused = none) => balancer.choose(client, "10.1.0.1", refused)?.address;
  const first = choose("a");
  assert.notEqual(choose("b"), first);
  mock.timers.tick(9000);
  assert.equal(choose("a"), first);
  mock.timers.tick(9000);
  assert.equal(choose("a"), first);
  mock.timers.tick(10_001);
  assert.notEqual(choose("a"), first);
  const now = choose("a");
  const gone = backends.filter(({ address }) => address !== now);
  balancer.update({ backends: gone, scheduler: "rr", affinity: 10_000 });
  const other = choose("a");
  assert.notEqual(other, now);
  assert.equal(choose("a"), other);
  // One that has just refused is not kept either.
  const refused = new Set(gone.filter(({ address }) => address === other).map(keyOf));
  assert.notEqual(choose("a", refused), other);
});

test("endpoints that a client may not reach are not chosen for it", () => {
  const allows = ({ source, destination }: { source: string; destination: string }) =>
    source === "friend" || destination === "10.0.0.2";
  const balancer = new Balancer(port, { backends, scheduler: "rr", affinity: undefined }, allows);
  const choose = (client: string, refused = none) => balancer.choose(client, "10.1.0.1", refused)?.address;
  assert.equal(new Set(["friend", "friend", "friend"].map((client) => choose(client))).size, 3);
  assert.deepEqual(
    ["x", "x", "x"].map((client) => choose(client)),
    ["10.0.0.2", "10.0.0.2", "10.0.0.2"],
  );
  assert.equal(choose("x", new Set(["10.0.0.2:8080"])), undefined);
});

test("connections count until they are over, and once", () => {
  const balancer = new Balancer(port, { backends: backends.slice(0, 2), scheduler: "lc", affinity: undefined });
  const choose = () => balancer.choose("a", "b", none);
  const [first, second] = backends;
  assert.ok(first && second);
  const release = balancer.hold(first);
  assert.deepEqual([choose(), choose()], [second, second]);
  release();
  release();
  const taken = balancer.hold(second);
  assert.equal(choose()?.address, first.address);
  taken();
});
