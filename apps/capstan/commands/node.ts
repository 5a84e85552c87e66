import { runAgent } from "../platform/agent-process.ts";
import { parse } from "./usage.ts";

/** The agent of one further node: started by `capstan up --nodes N`, with the directory that it was given. */
export async function node(args: string[]): Promise<number> {
  const { positionals } = parse("node", args, {}, ["DIR"]);
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  // The platform that started this process is gone: its pods go too.
  for (const event of ["end", "error"]) process.stdin.once(event, () => stop.abort());
  process.stdout.on("error", () => stop.abort());
  process.stdin.resume();
  try {
    await runAgent(positionals[0] ?? "", stop.signal, () => process.stdout.write("ready\n"));
  } finally {
    // The platform waits for this process to end, and holds its input open until then.
    process.stdin.destroy();
  }
  return 0;
}
