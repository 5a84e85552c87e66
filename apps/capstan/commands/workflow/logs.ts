import { logsOf } from "@capstan/operators/workflow/view";
import { parse, parseNumber, UsageError } from "../usage.ts";
import { commonFlags, commonHelp, locate, print, type Verb, withCluster } from "./call.ts";
import { readAge } from "./selection.ts";

const help = `Usage: capstan workflow logs NAME|FILE [POD] [options]

Prints what the steps have printed, in the order in which they printed it, each line with its pod's name.

Options:
  -f, --follow        go on with new lines until the workflow is over
  -c, --container C   of this container (default: the main ones)
  --grep REGEXP       lines that match
  --since AGE         lines of the last 5s, 2m or 3h; or --since-time 2026-01-31T06:00:00Z
  --tail N            the last N lines of each container
  -l, --selector L    of pods with these labels
  -p, --previous      of the container before its last restart
  --timestamps        with the time of each line
  --prefix WHAT       pod (default), step, or none
${commonHelp}

Try:
  capstan workflow logs @latest -f
  capstan workflow logs train-abcde --grep 'loss=' --tail 20`;

const flags = {
  ...commonFlags,
  follow: { type: "boolean", short: "f", default: false },
  container: { type: "string", short: "c" },
  grep: { type: "string" },
  since: { type: "string" },
  "since-time": { type: "string" },
  tail: { type: "string" },
  selector: { type: "string", short: "l" },
  previous: { type: "boolean", short: "p", default: false },
  timestamps: { type: "boolean", default: false },
  prefix: { type: "string", default: "pod" },
} as const;

async function logs(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow logs", args, flags, ["NAME", "POD?"]);
  const [target = "", pod] = positionals;
  const { follow, container, selector, previous, timestamps, prefix, since, tail } = values;
  const sinceTime = values["since-time"];
  if (since !== undefined && sinceTime !== undefined)
    throw new UsageError("workflow logs", "--since and --since-time exclude each other");
  if (!["pod", "step", "none"].includes(prefix))
    throw new UsageError("workflow logs", `--prefix ${prefix}: there are pod, step and none`);
  const grep = values.grep === undefined ? undefined : readPattern(values.grep);
  return withCluster(values, async (call) => {
    const options = {
      follow,
      previous,
      timestamps,
      signal: call.signal,
      ...(container ? { container } : {}),
      ...(pod ? { pod } : {}),
      ...(selector ? { selector } : {}),
      ...(grep ? { grep } : {}),
      ...(since ? { sinceSeconds: Math.max(1, Math.ceil(readAge("logs", "--since", since) / 1000)) } : {}),
      ...(sinceTime ? { sinceTime } : {}),
      ...(tail === undefined ? {} : { tail: parseNumber("workflow logs", "--tail", tail, 0, 1e9) }),
    };
    const source = { pod: "pod", step: "node" }[prefix] as "pod" | "node" | undefined;
    for await (const line of logsOf(call.client, await locate(call, target), options))
      print(`${source ? `${line[source]}: ` : ""}${line.text}\n`);
    call.signal.throwIfAborted();
    return 0;
  });
}

function readPattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError("workflow logs", `--grep: ${(error as Error).message}`);
  }
}

export const verb: Verb = { help, run: logs };
