// `capstan workflow VERB`: what people do with workflows, as the argo command line has it.
import { findVerb, verbs } from "./verbs.ts";

export async function workflow(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  const verb = await findVerb(name).load();
  return verb.run(rest);
}

/** Help of all verbs, or of the one that the arguments name. */
export async function workflowHelp(args: string[]): Promise<string> {
  const [name, ...rest] = args.filter((arg) => !arg.startsWith("-"));
  if (!name) return overview();
  const verb = await findVerb(name).load();
  return verb.helpOf ? verb.helpOf(rest) : verb.help;
}

function overview(): string {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  return `Usage: capstan workflow VERB [options]

${verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

"capstan workflow VERB --help" says more. Workflows are Argo's (argoproj.io/v1alpha1), on any cluster that runs them.

Try:
  capstan workflow submit examples/quickstart/workflow-template.yaml --watch
  capstan workflow list --running
  capstan workflow logs @latest -f`;
}
