import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bits,
  contentOf,
  ia5,
  identifier,
  integer,
  octets,
  partsOf,
  readIdentifier,
  sequence,
  text,
  time,
} from "./der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("numbers are as short as they can be, and never negative", () => {
  assert.equal(hex(integer(Uint8Array.of(0, 0))), "020100");
  assert.equal(hex(integer(Uint8Array.of(0, 0x7f))), "02017f");
  assert.equal(hex(integer(Uint8Array.of(0x80))), "02020080");
});

test("identifiers are read as they were written", () => {
  assert.equal(hex(identifier("1.2.840.113549.1.1.11")), "06092a864886f70d01010b");
  for (const name of ["0.9.2342.19200300.100.1.25", "2.5.29.15", "2.16.840.1.113730.4.1", "1.3.6.1.4.1.4294967295"]) {
    assert.equal(readIdentifier(identifier(name)), name);
  }
});

test("lengths take the bytes that they need, up to partLimit", () => {
  for (const [length, head] of [
    [127, "047f"],
    [128, "048180"],
    [255, "0481ff"],
    [256, "04820100"],
    [65535, "0482ffff"],
  ] as const) {
    const made = octets(new Uint8Array(length));
    assert.ok(hex(made).startsWith(head));
    assert.equal(contentOf(made).length, length);
  }
  assert.throws(() => octets(new Uint8Array(65536)), /65536 bytes, more than partLimit \(65535\)/);
});

test("texts, bits and times have the types that RFC 5280 wants", () => {
  assert.equal(hex(text("a.b")), "1303612e62");
  assert.equal(hex(text("a_b")), "0c03615f62");
  assert.equal(hex(bits(Uint8Array.of(0xa0), 5)), "030205a0");
  assert.equal(hex(time(new Date("2049-12-31T23:59:59.999Z"))), `170d${Buffer.from("491231235959Z").toString("hex")}`);
  assert.equal(hex(time(new Date("2050-01-01"))), `180f${Buffer.from("20500101000000Z").toString("hex")}`);
});

test("what must be ASCII is refused with other characters", () => {
  assert.equal(hex(ia5("a@b")), "1603614062");
  for (const value of ["a\u0141b", "a\0b", "a\nb"]) assert.throws(() => ia5(value), /has characters beyond ASCII/);
});

test("what is cut off or lies about its length is refused", () => {
  const whole = sequence(integer(Uint8Array.of(1)), octets(new Uint8Array(300)), text("x"));
  assert.equal(partsOf(whole).length, 3);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => partsOf(whole.subarray(0, length)), /this is no DER/, `${length} bytes`);
  }
  assert.throws(() => partsOf(Uint8Array.of(0x30, 0x84, 1, 0, 0, 0, 0)), /more than three bytes/);
  assert.throws(() => partsOf(Uint8Array.of(0x30, 3, 4, 9, 0)), /ends beyond the whole/);
});
