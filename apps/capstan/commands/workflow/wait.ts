import { parse } from "../usage.ts";
import { commonFlags, commonHelp, locate, type Verb, withCluster } from "./call.ts";
import { waitAll } from "./follow.ts";

const help = `Usage: capstan workflow wait NAME... [options]

Ends when all are over: exit code 0 only when all succeeded.

Options:
  --ignore-not-found  a workflow that is not there is no failure
${commonHelp}

Try:
  capstan workflow wait train-abcde && echo "trained"`;

const flags = { ...commonFlags, "ignore-not-found": { type: "boolean", default: false } } as const;

async function wait(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow wait", args, flags, ["NAME..."]);
  return withCluster(values, async (call) => {
    const refs = await Promise.all(positionals.map((name) => locate(call, name)));
    return waitAll(call, refs, { ignoreNotFound: values["ignore-not-found"] });
  });
}

export const verb: Verb = { help, run: wait };
