import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "./protobuf.ts";

const hex = (write: Parameters<typeof encode>[0]) => Buffer.from(encode(write)).toString("hex");

test("fields are written as the format says (examples of its documentation)", () => {
  assert.equal(
    hex((out) => out.int(1, 150)),
    "089601",
  );
  assert.equal(
    hex((out) => out.string(2, "testing")),
    "120774657374696e67",
  );
  assert.equal(
    hex((out) => out.message(3, (inner) => inner.int(1, 150))),
    "1a03089601",
  );
  assert.equal(
    hex((out) => out.ints(6, [3, 270, 86942])),
    "3206038e029ea705",
  );
});

test("negative and large numbers, floats, and what is left out", () => {
  assert.equal(
    hex((out) => out.int(1, -1)),
    "08ffffffffffffffffff01",
  );
  assert.equal(
    hex((out) => out.int(1, 2 ** 40)),
    "08808080808020",
  );
  assert.equal(
    hex((out) => out.float(2, 1.5)),
    "150000c03f",
  );
  assert.equal(
    hex((out) => out.doubles(1, [1])),
    "0a08000000000000f03f",
  );
  assert.equal(
    hex((out) => {
      out.int(1, undefined);
      out.string(2, undefined);
      out.message(3, undefined);
    }),
    "",
  );
});
