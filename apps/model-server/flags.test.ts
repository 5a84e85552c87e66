import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFlags, UsageError } from "./flags.ts";

test("reads flags in both spellings", () => {
  const settings = parseFlags(["--model_name", "m", "--model_base_path=/models/m", "--rest_api_port=80", "--port=0"]);
  assert.equal(settings.modelName, "m");
  assert.equal(settings.modelBasePath, "/models/m");
  assert.equal(settings.restApiPort, 80);
  assert.equal(settings.restApiTimeoutMs, 30_000);
});

test("refuses what it does not honour, by name", () => {
  const wrong: [string[], RegExp][] = [
    [["--port=8500"], /--port=8500: gRPC is not served/],
    [["--enable_batching"], /--enable_batching=true: requests are not batched/],
    [["--model_config_file=/x"], /--model_config_file=\/x: one model/],
    [["--model_nam=x"], /--model_nam: unknown flag; did you mean --model_name\?/],
    [["--rest_api_port=x"], /--rest_api_port=x: expected an integer from 0 to 65535/],
    [["serve"], /"serve": expected --flag=value/],
    [["--model_name=m"], /--model_base_path is needed/],
    [["--model_base_path=models"], /absolute/],
  ];
  for (const [argv, message] of wrong) {
    assert.throws(
      () => parseFlags(argv),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
  parseFlags(["--enable_batching=false", "--model_base_path=/m"]);
});
