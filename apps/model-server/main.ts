// Entry of the image capstan/model-server: serves one ONNX model over HTTP.
import { existsSync, writeFileSync } from "node:fs";
import { messageOf } from "@capstan/base/errors";
import { createLogger } from "@capstan/base/log";
import { parseFlags } from "./flags.ts";
import { createModelServer } from "./server.ts";

const log = createLogger((record) => {
  const { time, level, message, fields } = record;
  process.stdout.write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
});
const terminationLog = "/dev/termination-log";
const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"]) process.once(name, () => stop.abort());

try {
  const server = createModelServer(parseFlags(process.argv.slice(2)), { log, version: "0.1.0" });
  // A model that cannot be loaded ends the process, so that the pod's status shows the reason.
  const serving = server.start(stop.signal);
  await Promise.race([serving, server.ready.then(() => serving)]);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  // Where the kubelet reads why a container ended; elsewhere there is no such file.
  if (existsSync(terminationLog)) writeFileSync(terminationLog, messageOf(error));
  process.exitCode = 1;
  stop.abort();
}
