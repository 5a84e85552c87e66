// The image capstan/agent: a program of its own in a pod, which sees the network as the pod does.
import { runAgentProgram } from "./program.ts";

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const print = (text: string) => void process.stdout.write(`${text}\n`);
await runAgentProgram({ env: process.env, print, signal: stop.signal });
