import assert from "node:assert/strict";
import { test } from "node:test";
import { between, chooseBins, writeBins } from "./bins.ts";

test("few values get a bin each, cut in the middle", () => {
  const bins = chooseBins(Float32Array.of(3, 1, Number.NaN, 2, 1), 255);
  assert.deepEqual([...bins.thresholds], [1.5, 2.5]);
  assert.equal(bins.missing, 3);
});

test("many values share bins of about equal size, and heavy values have their own", () => {
  const values = Float32Array.from({ length: 10_000 }, (_, i) => (i % 2 === 0 ? 7 : i / 10_000));
  const { thresholds } = chooseBins(values, 16);
  assert.ok(thresholds.length <= 15 && thresholds.length >= 8, `${thresholds.length}`);
  const alone = thresholds.filter((threshold) => threshold >= 1 && threshold < 7);
  assert.equal(alone.length, 1);
});

test("a value is in the bin that its comparisons in float32 lead to", () => {
  const values = Float32Array.from({ length: 5000 }, (_, i) => Math.fround(Math.sin(i) * 100));
  values[17] = Number.NaN;
  const bins = chooseBins(values, 64);
  const cells = new Uint16Array(values.length);
  writeBins(values, bins, cells, { from: 0, to: values.length, stride: 1, feature: 0, offset: 0 });
  values.forEach((value, i) => {
    const expected = Number.isNaN(value)
      ? bins.missing
      : bins.thresholds.filter((threshold) => value > threshold).length;
    assert.equal(cells[i], 3 * expected);
  });
});

test("a threshold between neighbours in float32 is the lower one", () => {
  const next = new Float32Array(new Uint32Array([0x3f800001]).buffer)[0] as number;
  assert.equal(between(1, next), 1);
  assert.equal(between(-3e38, 3e38), 0);
  assert.equal(between(2e38, 3e38), Math.fround(2.5e38));
});
