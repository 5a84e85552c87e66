import type { ArchivedWorkflow } from "@capstan/api/kinds/records";
import type { Client } from "@capstan/core/client";
import { type ArchiveSearch, searchArchive } from "@capstan/operators/workflow/history";
import { alignColumns, elapsed, shortDuration, timestamp } from "@capstan/operators/workflow/view";
import { parse, parseNumber } from "../../usage.ts";
import { print, type Verb } from "../call.ts";
import { outputFlag, printObjects, readOutput } from "../output.ts";
import { recordFlags, recordHelp, withRecords } from "../records-access.ts";

const options = `  --phase PHASE,…     Succeeded, Failed or Error
  --name NAME, --prefix TEXT, --pattern TEXT
                      the name, how it begins, or what it looks like: * stands for any text, ? for a character
  --template NAME     made from this WorkflowTemplate, or cluster/NAME
  -l, --selector S    labels, such as team=vision,tier in (a,b),!draft
  --started-after, --started-before, --finished-after, --finished-before TIME
                      such as 2026-01-31T12:00:00Z
  -A, --all-namespaces
  --limit N           at most so many, the last started first (default 100; 0: all)
  --chunk-size N      ask the server for so many at once (default and most 1000)
  --no-headers
  -o, --output FORMAT wide (template, UID and message too), name (UIDs), json or yaml
${recordHelp}`;

const flags = {
  ...recordFlags,
  ...outputFlag,
  phase: { type: "string" },
  name: { type: "string" },
  prefix: { type: "string" },
  pattern: { type: "string" },
  template: { type: "string" },
  selector: { type: "string", short: "l" },
  "started-after": { type: "string" },
  "started-before": { type: "string" },
  "finished-after": { type: "string" },
  "finished-before": { type: "string" },
  "all-namespaces": { type: "boolean", short: "A", default: false },
  limit: { type: "string", default: "100" },
  "chunk-size": { type: "string", default: "1000" },
  "no-headers": { type: "boolean", default: false },
} as const;

const listVerb = async (args: string[]) => run("archive list", args);
const searchVerb = async (args: string[]) => run("archive search", args);

async function run(verb: "archive list" | "archive search", args: string[]): Promise<number> {
  const command = `workflow ${verb}`;
  const { values, positionals } = parse(command, args, flags, verb === "archive search" ? ["TEXT"] : []);
  const output = readOutput(verb, values.output);
  const limit = parseNumber(command, "--limit", values.limit, 0, 10_000_000);
  const chunk = parseNumber(command, "--chunk-size", values["chunk-size"], 1, 1000);
  const [text] = positionals;
  const query: ArchiveSearch = {
    phase: values.phase,
    name: values.name,
    namePrefix: values.prefix,
    namePattern: text === undefined ? values.pattern : `*${text}*`,
    template: values.template,
    labelSelector: values.selector,
    startedAfter: values["started-after"],
    startedBefore: values["started-before"],
    finishedAfter: values["finished-after"],
    finishedBefore: values["finished-before"],
  };
  return withRecords(values, async ({ client, namespace }) => {
    const everywhere = values["all-namespaces"];
    const found = await readPages(client, { ...query, ...(everywhere ? {} : { namespace }) }, limit, chunk);
    if (found.length === 0) {
      print(output === "json" || output === "yaml" ? "[]" : "No archived workflows found");
      return 0;
    }
    const shown = { wide: output === "wide", everywhere, headers: !values["no-headers"] };
    await printObjects(found, output, (all) => alignColumns(rowsOf(all, shown)));
    return 0;
  });
}

/** @param limit 0: all. */
async function readPages(client: Client, query: ArchiveSearch, limit: number, chunk: number) {
  const found: ArchivedWorkflow[] = [];
  let next: string | undefined;
  do {
    const size = limit === 0 ? chunk : Math.min(chunk, limit - found.length);
    const page = await searchArchive(client, { ...query, limit: size, ...(next ? { continue: next } : {}) });
    found.push(...page.items);
    next = page.continue;
  } while (next && (limit === 0 || found.length < limit));
  return found;
}

interface Shown {
  wide: boolean;
  everywhere: boolean;
  headers: boolean;
}

function rowsOf(found: ArchivedWorkflow[], { wide, everywhere, headers }: Shown): string[][] {
  const now = Date.now();
  const head = [
    ...(everywhere ? ["NAMESPACE"] : []),
    ...["NAME", "STATUS", "AGE", "DURATION"],
    ...(wide ? ["TEMPLATE", "UID", "MESSAGE"] : []),
  ];
  const rows = found.map(({ metadata, summary }) => [
    ...(everywhere ? [metadata.namespace ?? ""] : []),
    summary.workflow,
    summary.phase,
    timestamp(Date.parse(summary.finishedAt), now),
    shortDuration(elapsed(summary.startedAt, summary.finishedAt, now)),
    ...(wide ? [summary.template ?? "-", metadata.name, summary.message ?? ""] : []),
  ]);
  return headers ? [head, ...rows] : rows;
}

export const list: Verb = {
  help: `Usage: capstan workflow archive list [options]

Options:
${options}

Try:
  capstan workflow archive list -A --phase Failed,Error --limit 20
  capstan workflow archive list --prefix nightly- --started-after 2026-01-01T00:00:00Z -o wide`,
  run: listVerb,
};

export const search: Verb = {
  help: `Usage: capstan workflow archive search TEXT [options]

TEXT is a part of the name; * in it stands for any text, ? for a character.

Options:
${options}

Try:
  capstan workflow archive search train -l team=vision --phase Succeeded`,
  run: searchVerb,
};
