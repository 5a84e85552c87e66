import { runAgent } from "../platform/agent-process.ts";
import { parse } from "./usage.ts";

/** The agent of one further node: started by `capstan up --nodes N`, with the directory that it was given. */
export async function node(args: string[]): Promise<number> {
  const { positionals } = parse("node", args, {}, ["DIR"]);
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  // The platform that started this process is gone: its pods go too.
  process.stdout.once("error", () => stop.abort());
  await runAgent(positionals[0] ?? "", stop.signal, () => process.stdout.write("ready\n"));
  return 0;
}
