// Which workflows a verb is for: filters of lists, and names.
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { type ObjectRef, refOf } from "@capstan/api/meta";
import { unpackNodes } from "@capstan/operators/workflow/control";
import { inListOrder } from "@capstan/operators/workflow/view";
import { UsageError } from "../usage.ts";
import { type Call, locate } from "./call.ts";

export const selectorFlags = {
  selector: { type: "string", short: "l" },
  "field-selector": { type: "string" },
} as const;

export const selectorHelp = `  -l, --selector L    workflows with these labels, such as team=a,stage!=test
  --field-selector F  workflows with these fields, such as metadata.name=a`;

export const filterFlags = {
  ...selectorFlags,
  "all-namespaces": { type: "boolean", short: "A", default: false },
  status: { type: "string", multiple: true },
  completed: { type: "boolean", default: false },
  running: { type: "boolean", default: false },
  resubmitted: { type: "boolean", default: false },
  prefix: { type: "string" },
  older: { type: "string" },
  since: { type: "string" },
} as const;

export interface Filters {
  selector?: string | undefined;
  "field-selector"?: string | undefined;
  "all-namespaces"?: boolean;
  status?: string[] | undefined;
  completed?: boolean;
  running?: boolean;
  resubmitted?: boolean;
  prefix?: string | undefined;
  older?: string | undefined;
  since?: string | undefined;
}

const label = (name: string) => `workflows.argoproj.io/${name}`;

export async function listWorkflows(
  verb: string,
  { client, namespace }: Call,
  filters: Filters,
  chunk?: number,
): Promise<Workflow[]> {
  const { completed, running, resubmitted, prefix = "", status = [] } = filters;
  if (completed && running) throw new UsageError(`workflow ${verb}`, "--completed and --running exclude each other");
  const phases = status.flatMap((text) => text.split(","));
  const selector = [
    ...(filters.selector ? [filters.selector] : []),
    ...(phases.length > 0 ? [`${label("phase")} in (${phases.join(",")})`] : []),
    ...(completed ? [`${label("completed")}=true`] : []),
    ...(running ? [`${label("completed")}!=true`] : []),
    ...(resubmitted ? [label("resubmitted-from-workflow")] : []),
  ].join(",");
  const fieldSelector = filters["field-selector"];
  const options = {
    ...(filters["all-namespaces"] ? {} : { namespace }),
    ...(selector ? { labelSelector: selector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
    ...(chunk ? { limit: chunk } : {}),
  };
  const all: Workflow[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(Workflows, { ...options, ...(next ? { continue: next } : {}) });
    for (const item of page.items) all.push(await unpackNodes(item));
    next = page.continue;
  } while (next);
  const now = Date.now();
  const created = filters.since === undefined ? undefined : now - readAge(verb, "--since", filters.since);
  const finished = filters.older === undefined ? undefined : now - readAge(verb, "--older", filters.older);
  return all
    .filter(({ metadata, status }) => {
      if (!metadata.name.startsWith(prefix)) return false;
      if (created !== undefined && Date.parse(metadata.creationTimestamp ?? "") <= created) return false;
      if (finished === undefined) return true;
      return Boolean(status?.finishedAt) && Date.parse(status?.finishedAt ?? "") < finished;
    })
    .sort(inListOrder);
}

const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `10m`, `3h`, `1d` or `1h30m`. @throws UsageError */
export function readAge(verb: string, flag: string, text: string): number {
  if (/^(\d+[smhd])+$/.test(text)) {
    return [...text.matchAll(/(\d+)([smhd])/g)].reduce(
      (sum, [, n, unit = ""]) => sum + Number(n) * (units[unit] ?? 0),
      0,
    );
  }
  throw new UsageError(`workflow ${verb}`, `${flag} takes a duration such as 10m, 3h or 1d, not "${text}"`);
}

/** The workflows that were named, and those that the selectors match; each once. @throws UsageError for none. */
export async function chooseWorkflows(
  verb: string,
  call: Call,
  names: string[],
  filters: Filters,
): Promise<ObjectRef[]> {
  const isSelected = filters.selector !== undefined || filters["field-selector"] !== undefined;
  if (names.length === 0 && !isSelected) {
    throw new UsageError(`workflow ${verb}`, "which workflow? Give its NAME, @latest, or a --selector");
  }
  const chosen = new Map<string, ObjectRef>();
  const add = (ref: ObjectRef) => chosen.set(`${ref.namespace}/${ref.name}`, ref);
  if (isSelected) for (const workflow of await listWorkflows(verb, call, filters)) add(refOf(workflow));
  for (const name of names) add(await locate(call, name));
  return [...chosen.values()];
}
