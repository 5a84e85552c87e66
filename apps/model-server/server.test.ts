import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { silent } from "@capstan/base/log";
import { parseFlags } from "./flags.ts";
import { createModelServer, type ModelServer } from "./server.ts";

const fixtures = new URL("./fixtures/", import.meta.url).pathname;
let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "model-server-"));
});
after(() => rm(scratch, { recursive: true, force: true }));

interface Running extends AsyncDisposable {
  url: string;
  server: ModelServer;
  stop(): Promise<void>;
}

async function start(name: string, path: string, ...flags: string[]): Promise<Running> {
  const argv = [`--model_name=${name}`, `--model_base_path=${path}`, "--rest_api_port=0", "--rest_api_host=127.0.0.1"];
  const server = createModelServer(parseFlags([...argv, ...flags]), { log: silent, version: "1.2.3" });
  const controller = new AbortController();
  const ended = server.start(controller.signal);
  const stop = () => {
    controller.abort();
    return ended;
  };
  const url = `http://127.0.0.1:${await server.listening}`;
  return { url, server, stop, [Symbol.asyncDispose]: stop };
}

async function served(name: string, ...flags: string[]): Promise<Running> {
  const running = await start(name, join(fixtures, name), ...flags);
  await running.server.ready;
  return running;
}

async function ask(url: string, body?: unknown, headers: Record<string, string> = {}) {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const init = body === undefined ? {} : { method: "POST", body: raw ? body : JSON.stringify(body), headers };
  const response = await fetch(url, init as RequestInit);
  return { status: response.status, text: await response.text() };
}

test("predicts by row and by column, as TensorFlow Serving's half_plus_two", async () => {
  await using running = await served("half-plus-two");
  const model = `${running.url}/v1/models/half-plus-two`;
  assert.deepEqual(await ask(`${model}:predict`, '{"instances": [1.0, 2.0, 5.0]}'), {
    status: 200,
    text: '{"predictions": [2.5, 3.0, 4.5]}',
  });
  assert.equal(
    (await ask(`${model}:predict`, '{"inputs": [1, NaN, -Infinity]}')).text,
    '{"outputs": [2.5, NaN, -Infinity]}',
  );
  assert.equal((await ask(`${model}/versions/1:predict`, '{"instances": [{"x": 1}]}')).text, '{"predictions": [2.5]}');
  const zipped = gzipSync('{"instances": [0.5]}');
  assert.equal((await ask(`${model}:PREDICT`, zipped, { "content-encoding": "gzip" })).text, '{"predictions": [2.25]}');
});

test("takes raw columns with nulls and answers labels and probabilities", async () => {
  await using running = await served("islands");
  const model = `${running.url}/v1/models/islands`;
  const row = await ask(`${model}:predict`, {
    instances: [
      { island: "Biscoe", mass: 5 },
      { island: null, mass: null },
    ],
  });
  const { predictions } = JSON.parse(row.text);
  assert.equal(predictions[0].species, "Gentoo");
  assert.deepEqual(predictions[1], { species: "Adelie", probabilities: [0.5, 0.5] });
  const column = await ask(`${model}:predict`, { inputs: { island: ["Dream"], mass: [[3]] } });
  assert.deepEqual(JSON.parse(column.text).outputs.species, ["Adelie"]);
  const classified = await ask(`${model}:classify`, {
    context: { island: "Dream" },
    examples: [{ mass: [3] }, { mass: 4 }],
  });
  const { results } = JSON.parse(classified.text);
  assert.deepEqual(
    results[0].map(([label]: [string]) => label),
    ["Adelie", "Gentoo"],
  );
  assert.equal(results.length, 2);
  const regressed = await ask(`${model}:regress`, { examples: [{ mass: 3 }] });
  assert.equal(regressed.status, 400);
  assert.match(regressed.text, /Expected regress signature; \\"serving_default\\" is for predict/);
});

test("carries every element type there and back", async () => {
  await using running = await served("echo");
  const body = `{"inputs": {"double": [[0.1, 1e300]], "int8": [[-128, 127]], "int32": [[1, 2]],
    "int64": [[9223372036854775807, -9223372036854775808]], "uint8": [[0, 255]], "bool": [[true, false]], "text": [["a", "数"]]}}`;
  const { text } = await ask(`${running.url}/v1/models/echo:predict`, body);
  assert.match(text, /"double_out": \[\[0\.1, 1e\+300\]\]/);
  assert.match(text, /"int64_out": \[\[9223372036854775807, -9223372036854775808\]\]/);
  assert.match(text, /"bool_out": \[\[true, false\]\]/);
  assert.match(text, /"text_out": \[\["a", "数"\]\]/);
});

test("answers status and metadata", async () => {
  await using running = await served("half-plus-two");
  const model = `${running.url}/v1/models/half-plus-two`;
  const ok = { error_code: "OK", error_message: "" };
  const status = { model_version_status: [{ version: "1", state: "AVAILABLE", status: ok }] };
  assert.deepEqual(JSON.parse((await ask(model)).text), status);
  assert.deepEqual(JSON.parse((await ask(`${model}/labels/canary`)).text), status);
  const { metadata, model_spec } = JSON.parse((await ask(`${model}/metadata`)).text);
  assert.deepEqual(model_spec, { name: "half-plus-two", signature_name: "", version: "1" });
  const shape = { dim: [{ size: "-1", name: "" }], unknown_rank: false };
  assert.deepEqual(metadata.signature_def.signature_def.serving_default, {
    inputs: { x: { dtype: "DT_FLOAT", tensor_shape: shape, name: "x:0" } },
    outputs: { y: { dtype: "DT_FLOAT", tensor_shape: shape, name: "y:0" } },
    method_name: "tensorflow/serving/predict",
  });
});

test("answers errors in TensorFlow Serving's words, with the signature it expects", async () => {
  await using running = await served("islands", "--max_body_bytes=4096");
  const { url } = running;
  const predict = "/v1/models/islands:predict";
  const island = { island: "Biscoe", mass: 5 };
  const cases: [string, unknown, number, RegExp][] = [
    ["/v1/models/islands/foo", undefined, 400, /Malformed request: GET \/v1\/models\/islands\/foo/],
    ["/v1/models", undefined, 400, /Missing model name/],
    ["/v1/models/none", undefined, 404, /Could not find any versions of model none/],
    ["/v1/models/islands/versions/7", undefined, 404, /Could not find version 7 of model islands/],
    ["/v1/models/none:predict", {}, 404, /Servable not found for request: Latest\(none\)/],
    ["/v1/models/islands/versions/7:predict", {}, 404, /Specific\(islands, 7\)/],
    ["/v1/models/islands/labels/canary:predict", {}, 400, /Unrecognized servable version label: canary/],
    [predict, "{", 400, /JSON parse error at offset 1.*expects island: string\[-1,1\] or null, mass: float32/],
    [predict, "[]", 400, /must be a JSON object/],
    [predict, { instances: [island], inputs: {} }, 400, /exactly one of/],
    [predict, { instances: [] }, 400, /at least one row/],
    [predict, { instances: [{ island: "Biscoe" }] }, 400, /instances\[0\]\.mass: missing.*Signature/],
    [
      predict,
      { instances: [{ island: "Biscoe", Mass: 1 }] },
      400,
      /instances\[0\]\.Mass: no such input; did you mean \\"mass\\"/,
    ],
    [
      predict,
      { instances: [island, { island: "Biscoe", mass: "5" }] },
      400,
      /instances\[1\]\.mass: expected float32 or null, got/,
    ],
    [predict, { inputs: { island: ["a", "b"], mass: [1] } }, 400, /\\"mass\\" has 1 rows, \\"island\\" has 2/],
    [predict, { inputs: { island: [["a", "b"]], mass: [[1]] } }, 400, /the shape is \[1,2\], expected \[-1,1\]/],
    [predict, { signature_name: "other", instances: [island] }, 400, /Serving signature key \\"other\\" not found/],
    [predict, { instances: Array(200).fill(island) }, 413, /limit is 4096; .*--max_body_bytes/],
    ["/nothing", undefined, 404, /no such endpoint: GET \/nothing/],
  ];
  for (const [path, body, status, message] of cases) {
    const answer = await ask(url + path, body);
    assert.equal(answer.status, status, `${path} ${answer.text}`);
    assert.match(answer.text, message);
    assert.deepEqual(Object.keys(JSON.parse(answer.text)), ["error"]);
  }
  const { text } = await ask(`${url}/monitoring/prometheus/metrics`);
  assert.match(text, /:tensorflow:serving:request_count\{model_name="islands",status="INVALID_ARGUMENT"\} \d+/);
});

test("speaks the Open Inference Protocol", async () => {
  await using running = await served("islands");
  const { url } = running;
  assert.equal(JSON.parse((await ask(`${url}/v2`)).text).version, "1.2.3");
  assert.equal((await ask(`${url}/v2/health/ready`)).status, 200);
  assert.equal((await ask(`${url}/v2/models/none/ready`)).status, 503);
  const { inputs, platform } = JSON.parse((await ask(`${url}/v2/models/islands/versions/1`)).text);
  assert.deepEqual(inputs[1], { name: "mass", datatype: "FP32", shape: [-1, 1] });
  assert.equal(platform, "onnxruntime_onnx");
  const island = { name: "island", datatype: "BYTES", shape: [2, 1], data: ["Dream", null] };
  const mass = { name: "mass", datatype: "FP32", shape: [2, 1], data: [[3], [null]] };
  const infer = `${url}/v2/models/islands/infer`;
  const answer = JSON.parse(
    (await ask(infer, { id: "7", inputs: [island, mass], outputs: [{ name: "species" }] })).text,
  );
  const outputs = [{ name: "species", shape: [2], datatype: "BYTES", data: ["Adelie", "Adelie"] }];
  assert.deepEqual(answer, { model_name: "islands", model_version: "1", id: "7", outputs });
  const wrong: [unknown, RegExp][] = [
    [{ inputs: [island] }, /\\"mass\\" is missing/],
    [{ inputs: [island, { ...mass, datatype: "FP64" }] }, /inputs\[1\]\.datatype: expected \\"FP32\\"/],
    [{ inputs: [island, { ...mass, shape: [3, 1] }] }, /2 elements, but shape \[3,1\] has 3/],
    [{ inputs: [{ ...island, name: "islnd" }] }, /did you mean \\"island\\"/],
    [{ inputs: [island, mass], outputs: [{ name: "x" }] }, /expected one of species, probabilities/],
  ];
  for (const [body, message] of wrong) {
    const { status, text } = await ask(infer, body);
    assert.equal(status, 400, text);
    assert.match(text, message);
  }
});

test("serves the newest version, and follows its directory", async () => {
  const base = join(scratch, "versions");
  await cp(join(fixtures, "half-plus-two"), join(base, "00000001"), { recursive: true });
  await using running = await start("m", base);
  await running.server.ready;
  const until = async (wanted: RegExp) => {
    for (;;) {
      const { text } = await ask(`${running.url}/v1/models/m`);
      if (wanted.test(text)) return text;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  // A version appears whole, by a rename.
  await cp(join(fixtures, "echo"), join(scratch, "next"), { recursive: true });
  await rename(join(scratch, "next"), join(base, "12"));
  await until(/"version": "12",\s+"state": "AVAILABLE"[\s\S]*"version": "1",\s+"state": "END"/);
  assert.equal((await ask(`${running.url}/v1/models/m/versions/1:predict`, {})).status, 404);
  // A broken one is reported, and the one before stays.
  await mkdir(join(base, "13"));
  await writeFile(join(base, "13", "model.onnx"), "not a model");
  const text = await until(/"version": "13",\s+"state": "END"/);
  assert.match(text, /INVALID_ARGUMENT[\s\S]*is not an ONNX model/);
  assert.equal((await ask(`${running.url}/v2/models/m/ready`)).status, 200);
});

test("waits for a first version", async () => {
  const base = join(scratch, "later");
  await mkdir(base);
  await using running = await start("m", base);
  assert.equal((await ask(`${running.url}/v2/health/ready`)).status, 503);
  await cp(join(fixtures, "half-plus-two"), join(base, "1"), { recursive: true });
  await running.server.ready;
  assert.equal((await ask(`${running.url}/v2/health/ready`)).status, 200);
});

test("a file that is no model, or does not fit its signature, is named", async () => {
  const base = join(scratch, "broken");
  await mkdir(base);
  await writeFile(join(base, "model.onnx"), "not a model");
  const running = await start("m", base);
  await assert.rejects(running.server.ready, /broken\/model\.onnx is not an ONNX model that can be served/);
  await running.stop();
  await cp(join(fixtures, "half-plus-two"), join(scratch, "misfit"), { recursive: true });
  const tensor = { name: "x", dtype: "int32", shape: [-1] };
  const signature = { method_name: "predict", inputs: [tensor], outputs: [{ ...tensor, name: "y" }] };
  const document = { version: 1, signatures: { serving_default: signature } };
  await writeFile(join(scratch, "misfit", "signature.json"), JSON.stringify(document));
  const misfit = await start("m", join(scratch, "misfit"));
  await assert.rejects(
    misfit.server.ready,
    /signatures\.serving_default\.inputs\[0\]\.dtype: the graph's "x" is float32, not int32/,
  );
  await misfit.stop();
});

test("the process ends cleanly on SIGTERM, and with the reason when the model cannot be served", async () => {
  const main = new URL("./main.ts", import.meta.url).pathname;
  const run = (path: string) => {
    const argv = [
      main,
      "--model_name=m",
      `--model_base_path=${path}`,
      "--rest_api_port=0",
      "--rest_api_host=127.0.0.1",
    ];
    return spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  };
  const good = run(join(fixtures, "half-plus-two"));
  for await (const chunk of good.stdout) if (String(chunk).includes("model loaded")) good.kill("SIGTERM");
  assert.equal(good.exitCode ?? (await once(good, "exit"))[0], 0);

  const directory = join(scratch, "no-model");
  await mkdir(directory);
  await writeFile(join(directory, "model.onnx"), "PK");
  const bad = run(directory);
  let errors = "";
  for await (const chunk of bad.stderr) errors += chunk;
  assert.equal(bad.exitCode ?? (await once(bad, "exit"))[0], 1);
  assert.match(errors, /no-model\/model\.onnx is not an ONNX model that can be served/);
});
