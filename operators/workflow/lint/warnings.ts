// What runs, but should not: values that become part of a shell's program.
import type { Template, WorkflowSpec } from "@capstan/api/kinds/workflow";
import type { Problem } from "../validate/index.ts";

/** Values that whoever submits or another step decides. */
const foreign = /\{\{\s*(?:inputs\.parameters|workflow\.parameters|steps|tasks|item)\b[^{}]*\}\}/;
const shells = /(?:^|\/)(?:sh|bash|ash|dash|zsh|ksh)$/;

/** @param path of the spec. */
export function warningsOf(spec: WorkflowSpec, path: string): Problem[] {
  const templates = Array.isArray(spec.templates) ? spec.templates : [];
  return templates.flatMap((template, i) => shellWarnings(template, `${path}.templates[${i}]`));
}

const advice =
  "whoever sets it can run anything here: pass it by env, or as an argument after the program, and quote it";

function shellWarnings(template: Template, path: string): Problem[] {
  const problems: Problem[] = [];
  const warn = (at: string, text: unknown) => {
    const tag = typeof text === "string" ? foreign.exec(text)?.[0] : undefined;
    if (tag) problems.push({ path: at, message: `${tag} becomes part of a shell's program; ${advice}` });
  };
  const { script, container, containerSet } = template ?? {};
  if (script && isShell(script.command)) warn(`${path}.script.source`, script.source);
  const containers: [string, { command?: unknown; args?: unknown } | undefined][] = [
    [`${path}.container`, container],
    ...(containerSet?.containers ?? []).map((one, i): [string, typeof one] => [
      `${path}.containerSet.containers[${i}]`,
      one,
    ]),
  ];
  for (const [at, one] of containers) {
    const words = [...textsOf(one?.command, `${at}.command`), ...textsOf(one?.args, `${at}.args`)];
    if (!shells.test(words[0]?.text ?? "")) continue;
    // The program is what stands after -c; what follows it is data.
    const program = words.findIndex(({ text }, i) => i > 0 && /^-[a-z]*c$/.test(text)) + 1;
    if (program > 0 && words[program]) warn(words[program].path, words[program].text);
  }
  const inner = [...(template?.steps ?? []).flat(), ...(template?.dag?.tasks ?? [])];
  for (const one of inner) if (one?.inline) problems.push(...shellWarnings(one.inline, path));
  return problems;
}

const isShell = (command: unknown) => Array.isArray(command) && shells.test(String(command[0] ?? ""));
const textsOf = (value: unknown, path: string) =>
  (Array.isArray(value) ? value : []).map((text: unknown, i) => ({ text: String(text), path: `${path}[${i}]` }));
