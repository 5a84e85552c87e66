import assert from "node:assert/strict";
import { test } from "node:test";
import { compactDuration } from "./duration.ts";

// As kubectl writes ages: apimachinery's duration.HumanDuration.
const cases: [seconds: number, text: string][] = [
  [0.85, "0s"],
  [119, "119s"],
  [120, "2m"],
  [125, "2m5s"],
  [600, "10m"],
  [10_799, "179m"],
  [10_800, "3h"],
  [12_000, "3h20m"],
  [172_799, "47h"],
  [172_800, "2d"],
  [180_000, "2d2h"],
  [864_000, "10d"],
];
for (const [seconds, text] of cases)
  test(`${seconds} s is ${text}`, () => assert.equal(compactDuration(seconds * 1000), text));
