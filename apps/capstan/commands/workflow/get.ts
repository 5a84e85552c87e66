import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { Workflows } from "@capstan/api/kinds/workflow";
import { createNodeCodec, matchesNode, parseNodeSelector } from "@capstan/operators/workflow/control";
import { describeWorkflow, renderTree } from "@capstan/operators/workflow/view";
import { parse, UsageError } from "../usage.ts";
import { commonFlags, commonHelp, locate, print, type Verb, withCluster } from "./call.ts";
import { outputFlag, printObject, readOutput } from "./output.ts";

const help = `Usage: capstan workflow get NAME... [options]

NAME is a workflow, @latest, or the file that it was submitted from. Shows its state, parameters and outputs, and the
tree of its steps with their pods, how long they took and what they say.

Options:
  -o, --output FORMAT wide (artifacts, resources and Kubernetes nodes too), short (the tree alone), name, json or yaml
  --status PHASE      show only steps in this phase
  --node-field-selector F
                      show only these steps: displayName, templateName, phase, name, id, templateRef.name,
                      templateRef.template or inputs.parameters.NAME.value, such as phase!=Succeeded
${commonHelp}

Try:
  capstan workflow get @latest
  capstan workflow get nightly-x7k2p --status Failed -o wide`;

const flags = {
  ...commonFlags,
  ...outputFlag,
  status: { type: "string" },
  "node-field-selector": { type: "string" },
} as const;

async function get(args: string[]): Promise<number> {
  const { values, positionals } = parse("workflow get", args, flags, ["NAME..."]);
  const isShort = values.output === "short";
  const output = isShort ? undefined : readOutput("get", values.output);
  const shows = readNodeFilter("get", values.status, values["node-field-selector"]);
  return withCluster(values, async (call) => {
    for (const name of positionals) {
      const workflow = await createNodeCodec(call.client).unpack(
        await call.client.get(Workflows, await locate(call, name)),
      );
      const options = { now: Date.now(), wide: output === "wide", ...(shows ? { shows } : {}) };
      if (isShort) print(renderTree(workflow, { ...options, short: true }).join("\n"));
      else await printObject(workflow, output, (one) => describeWorkflow(one, options));
    }
    return 0;
  });
}

/** Which nodes are shown; undefined: all. */
export function readNodeFilter(
  verb: string,
  status: string | undefined,
  selector: string | undefined,
): ((node: NodeStatus) => boolean) | undefined {
  if (status !== undefined && selector !== undefined)
    throw new UsageError(`workflow ${verb}`, "--status and --node-field-selector exclude each other");
  const text = status === undefined ? selector : `phase=${status}`;
  if (!text) return undefined;
  const requirements = parseNodeSelector(text);
  return (node) => matchesNode(node, requirements);
}

export const verb: Verb = { help, run: get };
