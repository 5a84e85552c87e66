import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { dictionary } from "./dictionary.ts";
import { controlFrame, dataFrame, FrameParser, frameType, HeaderDecoder, HeaderEncoder } from "./frames.ts";

test("the dictionary is the one of the draft, to the byte", () => {
  assert.equal(dictionary.length, 1423);
  assert.equal(
    createHash("sha256").update(dictionary).digest("hex"),
    "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02",
  );
});

test("frames survive being cut anywhere", () => {
  const bytes = Buffer.concat([
    controlFrame(frameType.ping, 0, Buffer.from([0, 0, 0, 1])),
    dataFrame(3, Buffer.from("data"), true),
    dataFrame(5, Buffer.alloc(0), false),
  ]);
  for (let cut = 1; cut < bytes.length; cut++) {
    const parser = new FrameParser();
    const frames = [...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))];
    assert.deepEqual(
      frames.map((frame) => [
        frame.kind,
        frame.kind === "data" ? `${frame.stream} ${frame.fin} ${frame.data}` : frame.type,
      ]),
      [
        ["control", frameType.ping],
        ["data", "3 true data"],
        ["data", "5 false "],
      ],
    );
  }
});

test("what is no SPDY/3, or too large, is refused", () => {
  assert.throws(
    () => [...new FrameParser().push(Buffer.from("\x80\x02\x00\x01\x00\x00\x00\x00", "latin1"))],
    /SPDY\/3/,
  );
  assert.throws(
    () => [...new FrameParser().push(Buffer.from("\x00\x00\x00\x01\x00\xff\xff\xff", "latin1"))],
    /frameLimit/,
  );
});

test("header blocks share one compression stream", async () => {
  const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()];
  const sizes = [];
  for (const port of ["80", "81", "82"]) {
    const headers = new Map([
      ["streamtype", "data"],
      ["port", port],
      ["requestid", "0"],
    ]);
    const block = await encoder.encode(headers);
    sizes.push(block.length);
    assert.deepEqual(await decoder.decode(block), headers);
  }
  assert.ok((sizes[2] ?? 0) < (sizes[0] ?? 0));
  encoder.close();
  decoder.close();
});
