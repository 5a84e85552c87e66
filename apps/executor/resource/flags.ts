// The flags of resource templates: those of kubectl that say which objects are meant, and how they are written.

export interface Flags {
  /** What stands before the names: `pod`, `deployments.apps`. */
  kind?: string;
  names: string[];
  namespace?: string;
  selector?: string;
  fieldSelector?: string;
  all: boolean;
  ignoreNotFound: boolean;
  /** Whether a deletion is waited for. */
  wait: boolean;
  gracePeriodSeconds?: number;
  cascade?: "Background" | "Foreground" | "Orphan";
  dryRun: boolean;
  validation: "Strict" | "Warn" | "Ignore";
  fieldManager?: string;
  subresource?: string;
}

const texts: Record<string, string> = {
  n: "namespace",
  namespace: "namespace",
  l: "selector",
  selector: "selector",
  "field-selector": "field-selector",
  "grace-period": "grace-period",
  "field-manager": "field-manager",
  subresource: "subresource",
};
/** Their value, if any, comes after `=`. */
const switches = [
  ...["all", "ignore-not-found", "wait", "cascade", "dry-run", "validate", "force", "now", "server-side"],
  ...["force-conflicts", "overwrite", "save-config"],
];
const known = [...Object.keys(texts).filter((name) => name.length > 1), ...switches];

/** @throws Error naming a flag that has no meaning here. */
export function parseFlags(given: string[]): Flags {
  const flags: Flags = {
    names: [],
    all: false,
    ignoreNotFound: false,
    wait: true,
    dryRun: false,
    validation: "Strict",
  };
  const words: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const word = given[i] as string;
    if (!word.startsWith("-")) {
      words.push(word);
      continue;
    }
    const [, name = "", ...value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const text = texts[name];
    if (!text && !switches.includes(name)) {
      throw new Error(
        `resource.flags: ${word} is not supported; known are ${known.map((one) => `--${one}`).join(", ")}`,
      );
    }
    const next = text && value[0] === undefined ? given[++i] : value[0];
    if (text && next === undefined) throw new Error(`resource.flags: ${word} needs a value`);
    set(flags, text ?? name, next);
  }
  readWords(flags, words);
  return flags;
}

/** `kind name…` or `kind/name…`. */
function readWords(flags: Flags, words: string[]): void {
  const [first] = words;
  if (first === undefined) return;
  if (!first.includes("/")) {
    flags.kind = first;
    flags.names = words.slice(1);
    return;
  }
  const pairs = words.map((word) => word.split("/") as [string, string]);
  const kind = pairs[0]?.[0] ?? "";
  if (pairs.some((pair) => pair.length !== 2 || pair[0] !== kind))
    throw new Error(`resource.flags: ${words.join(" ")} names objects of several kinds`);
  flags.kind = kind;
  flags.names = pairs.map(([, name]) => name);
}

const yes = (value: string | undefined) => value !== "false";

function set(flags: Flags, name: string, value: string | undefined): void {
  switch (name) {
    case "namespace":
      flags.namespace = value ?? "";
      return;
    case "selector":
      flags.selector = value ?? "";
      return;
    case "field-selector":
      flags.fieldSelector = value ?? "";
      return;
    case "field-manager":
      flags.fieldManager = value ?? "";
      return;
    case "subresource":
      flags.subresource = value ?? "";
      return;
    case "grace-period":
      if (!/^-?\d+$/.test(value ?? "")) throw new Error(`resource.flags: --grace-period=${value} is no whole number`);
      if (Number(value) >= 0) flags.gracePeriodSeconds = Number(value);
      return;
    case "all":
      flags.all = yes(value);
      return;
    case "ignore-not-found":
      flags.ignoreNotFound = yes(value);
      return;
    case "wait":
      flags.wait = yes(value);
      return;
    case "force":
      if (yes(value)) flags.gracePeriodSeconds ??= 0;
      return;
    case "now":
      if (yes(value)) flags.gracePeriodSeconds = 1;
      return;
    case "dry-run":
      if (value !== "none" && value !== "server")
        throw new Error("resource.flags: --dry-run must be server or none: the server is the one that knows");
      flags.dryRun = value === "server";
      return;
    case "validate":
      flags.validation = validationOf(value);
      return;
    case "cascade":
      flags.cascade = cascadeOf(value);
      return;
    default:
      // Applying is server-side, and takes fields over, as it is.
      return;
  }
}

function validationOf(value = "true"): Flags["validation"] {
  const all = { true: "Strict", strict: "Strict", warn: "Warn", false: "Ignore", ignore: "Ignore" } as const;
  if (Object.hasOwn(all, value)) return all[value as keyof typeof all];
  throw new Error(`resource.flags: --validate=${value} is none of ${Object.keys(all).join(", ")}`);
}

function cascadeOf(value = "background"): "Background" | "Foreground" | "Orphan" {
  const all = {
    background: "Background",
    foreground: "Foreground",
    orphan: "Orphan",
    false: "Orphan",
    true: "Background",
  };
  if (Object.hasOwn(all, value)) return all[value as keyof typeof all] as "Background";
  throw new Error(`resource.flags: --cascade=${value} is none of background, foreground, orphan`);
}
