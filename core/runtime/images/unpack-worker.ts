// A thread that unpacks layers: hashing and making files would hold up everything else in the agent.
import { parentPort } from "node:worker_threads";
import { messageOf } from "@capstan/base/errors";
import { RuntimeError } from "../cri.ts";
import { type UnpackedLayer, type UnpackJob, unpackLayer } from "./unpack.ts";

export type UnpackAnswer = { layer: UnpackedLayer } | { code: RuntimeError["code"]; message: string };

parentPort?.on("message", (job: UnpackJob) => {
  const answer = (message: UnpackAnswer) => parentPort?.postMessage(message);
  unpackLayer(job).then(
    (layer) => answer({ layer }),
    (error) => answer({ code: error instanceof RuntimeError ? error.code : "Failed", message: messageOf(error) }),
  );
});
