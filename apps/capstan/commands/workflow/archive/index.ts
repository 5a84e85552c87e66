// `capstan workflow archive VERB`: finished workflows that the platform keeps, also after they are deleted.
import { nearest } from "@capstan/base/errors";
import { UsageError } from "../../usage.ts";
import type { Verb } from "../call.ts";

const verbs: Record<string, { summary: string; load(): Promise<Verb> }> = {
  list: { summary: "list and search", load: async () => (await import("./list.ts")).list },
  search: { summary: "the same, by a part of the name", load: async () => (await import("./list.ts")).search },
  get: { summary: "show one", load: async () => (await import("./get.ts")).verb },
  delete: { summary: "forget some", load: async () => (await import("./delete.ts")).verb },
  resubmit: { summary: "run one again as a new one", load: async () => (await import("./again.ts")).resubmit },
  retry: { summary: "run what failed again", load: async () => (await import("./again.ts")).retry },
  "list-label-keys": { summary: "names of labels", load: async () => (await import("./labels.ts")).keys },
  "list-label-values": { summary: "values of a label", load: async () => (await import("./labels.ts")).values },
};

const width = Math.max(...Object.keys(verbs).map((name) => name.length));
const help = `Usage: capstan workflow archive VERB [options]

${Object.entries(verbs)
  .map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  .join("\n")}

Finished workflows are archived before anything deletes them. "capstan workflow archive VERB --help" says more; kubectl
knows them as archivedworkflows, and who may see them is a matter of RBAC.

Try:
  capstan workflow archive list --phase Failed --started-after 2026-01-01T00:00:00Z
  capstan workflow archive search train -l team=vision`;

async function run(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  return (await find(name)).run(rest);
}

async function helpOf([name]: string[]): Promise<string> {
  return name ? (await find(name)).help : help;
}

/** @throws UsageError with the nearest name. */
function find(name: string): Promise<Verb> {
  const found = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (found) return found.load();
  const near = nearest(name, Object.keys(verbs));
  const hint = near ? `did you mean "${near}"?` : `there are ${Object.keys(verbs).join(", ")}`;
  throw new UsageError("workflow archive", name ? `there is no verb "${name}"; ${hint}` : `which verb? ${hint}`);
}

export const verb: Verb = { help, helpOf, run };
