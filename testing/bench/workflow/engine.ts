// The workflow operator alone, as a program: engine.ts KUBECONFIG.
import { createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { runOperator } from "./operator.ts";

const { transport } = await openKubeconfig(process.argv[2] ?? "");
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
await runOperator(createClient(transport.handler, { userAgent: "workflow-engine" }), stop.signal);
transport.close();
