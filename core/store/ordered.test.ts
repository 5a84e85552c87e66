import assert from "node:assert/strict";
import { test } from "node:test";
import { createOrderedMap } from "./ordered.ts";

test("after any mix of writes, scans and counts agree with a sorted list", () => {
  const map = createOrderedMap<number>();
  const model = new Map<string, number>();
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let step = 0; step < 6000; step++) {
    const key = `k/${random(2500)}`;
    if (random(3) === 0) {
      map.delete(key);
      model.delete(key);
    } else {
      map.set(key, step);
      model.set(key, step);
    }
  }
  const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.equal(map.size, model.size);
  const scanned = (start: string, end: string, limit = Number.POSITIVE_INFINITY) => {
    const seen: [string, number][] = [];
    map.scan(start, end, (value, key) => seen.push([key, value]) < limit);
    return seen;
  };
  assert.deepEqual(scanned("", "\uffff"), sorted);
  for (const start of ["k/1", "k/1999", "k/9", "z", ""]) {
    const rest = sorted.filter(([key]) => key >= start);
    assert.deepEqual(scanned(start, "\uffff"), rest);
    assert.deepEqual(scanned(start, "\uffff", 3), rest.slice(0, 3));
    assert.deepEqual(
      scanned(start, "k/5"),
      rest.filter(([key]) => key < "k/5"),
    );
    assert.equal(map.countBetween(start, "k/5"), sorted.filter(([key]) => key >= start && key < "k/5").length);
  }
});
