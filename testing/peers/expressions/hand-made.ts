// One question for each rule of the languages, one on each line of sources/*.txt, and what they are asked about.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Question {
  language: string;
  source: string;
  data?: unknown;
}

/** What expressions see. */
export const environment = {
  "workflow.name": "wf",
  "workflow.parameters.n": "3",
  "workflow.parameters.json": '{"list":[{"name":"a","age":41},{"name":"b","age":43}],"x":{"y":[1,2.5,null]}}',
  "steps.flip-coin.outputs.result": "heads",
  "tasks.A.outputs.parameters.msg": "hällo <wörld>",
  "inputs.parameters.empty": "",
  item: "it",
};

/** Results that hold, by task. */
const results = {
  "a-1": ["Succeeded"],
  B: ["Failed"],
  c: ["Skipped"],
  d2: ["Daemoned", "AnySucceeded"],
  E: ["Errored", "AllFailed"],
  f: [],
};

const object = {
  metadata: { name: "x", labels: { "app.kubernetes.io/name": "y" } },
  items: [
    { a: 1, name: "one", tags: ["p", "q"], ok: true },
    { a: 2, name: "two", tags: [], ok: false },
  ],
  status: { phase: "Ready", n: 1.5, nothing: null, map: { k: "v" } },
};

const data: Record<string, unknown> = {
  expr: environment,
  template: environment,
  depends: results,
  selector: { "status.phase": "Succeeded", "status.succeeded": "3", "status.text": "x" },
  kubectl: object,
  jq: object,
};

const read = (language: string, file = language): Question[] =>
  readFileSync(join(import.meta.dirname, "sources", `${file}.txt`), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((source) => ({ language, source, ...(data[language] ? { data: data[language] } : {}) }));

export function handMade(): Question[] {
  const languages = ["expr", "when", "depends", "selector", "kubectl", "jq", "template"];
  return [...languages.flatMap((language) => read(language)), ...read("cronWhen", "when")];
}

/** What a recorded question was asked about. */
export const dataOf = (language: string) => data[language];
