import { describeLineage, drawLineage, readLineageTarget, traceLineage } from "@capstan/operators/workflow/history";
import { parse, UsageError } from "../usage.ts";
import { print, type Verb, warn } from "./call.ts";
import { recordFlags, recordHelp, withRecords } from "./records-access.ts";

const help = `Usage: capstan workflow lineage ARTIFACT|WORKFLOW[/NODE] [options]

Shows which step of which workflow made an artifact, of what and with which parameters, and what came of it. ARTIFACT is
its digest, as sha256:0123456789ab or longer, or where it is kept, as file:KEY; NODE a step's ID or name.

Options:
  --up                only what it came from
  --down              only what came of it
  -o, --output FORMAT json, or dot for Graphviz
${recordHelp}

Try:
  capstan workflow lineage penguins-1/gbdt --up -n quickstart
  capstan workflow lineage sha256:8c6b08d61522 -n quickstart -o dot | dot -Tsvg > lineage.svg`;

const flags = {
  ...recordFlags,
  up: { type: "boolean", default: false },
  down: { type: "boolean", default: false },
  output: { type: "string", short: "o" },
} as const;

async function lineage(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow lineage", args, flags, ["ARTIFACT|WORKFLOW[/NODE]"]);
  const { up, down, output } = values;
  if (output !== undefined && output !== "json" && output !== "dot")
    throw new UsageError("workflow lineage", `-o ${output}: there are json, dot`);
  const direction = up === down ? "both" : up ? "up" : "down";
  const target = positionals[0] ?? "";
  return withRecords(values, async ({ client, namespace }) => {
    const answer = await traceLineage(client, namespace, { ...readLineageTarget(target), direction });
    if (answer.warning) warn(`capstan: ${answer.warning}`);
    if (answer.steps.length === 0) {
      warn(
        `capstan: nothing is known of ${target} in namespace ${namespace}: only steps with artifacts are written down`,
      );
      return 1;
    }
    if (output === "json") print(JSON.stringify(answer.steps, undefined, 2));
    else print(output === "dot" ? drawLineage(answer) : describeLineage(answer).join("\n"));
    return 0;
  });
}

export const verb: Verb = { help, run: lineage };
