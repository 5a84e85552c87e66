import type { ImagePolicy, ImageRewrite } from "@capstan/api/kinds/image-policy";
import { formatImageName, ImageNameError, parseImageName } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { type Glob, globMatches, parseGlob } from "./glob.ts";

/** A policy made ready to be asked. */
export interface CompiledPolicy {
  name: string;
  enforced: boolean;
  alwaysPull: boolean;
  failClosed: boolean;
  exempts(namespace: string): boolean;
  /** The image's new name; undefined when no rule fits. */
  rewrite(image: string): string | undefined;
  /** Why the image is not taken. */
  refusal(image: string): string | undefined;
}

/** @throws Error with the field that is wrong. */
export function compilePolicy({ metadata, spec }: ImagePolicy): CompiledPolicy {
  const { rewrites = [], allow, deny = [], exemptNamespaces = ["kube-system"] } = spec;
  for (const [index, rule] of rewrites.entries()) checkRewrite(rule, index, rewrites);
  const taken = allow?.map(pattern("allow"));
  const refused = deny.map(pattern("deny"));
  const { name } = metadata;
  return {
    name,
    enforced: spec.mode !== "DryRun",
    alwaysPull: spec.alwaysPull ?? false,
    failClosed: spec.failurePolicy === "Fail",
    exempts: (namespace) => exemptNamespaces.includes(namespace),
    rewrite: (image) => rewriteImage(image, rewrites),
    refusal(image) {
      const full = fullName(image);
      const hit = refused.findIndex((each) => matches(each, full));
      if (hit >= 0) return `image policy "${name}" denies ${full}: ${deny[hit]}`;
      if (!taken || taken.some((each) => matches(each, full))) return undefined;
      return `image policy "${name}" does not allow ${full}; allowed are: ${(allow ?? []).slice(0, 10).join(", ")}`;
    },
  };
}

/** An image rewritten twice must be the same as once: its new name fits no rule. */
function checkRewrite({ from, to }: ImageRewrite, index: number, all: ImageRewrite[]): void {
  const field = `spec.rewrites[${index}]`;
  for (const [part, value] of Object.entries({ from, to })) {
    if (!/^[\w.:-]+(\/[\w.-]+)*$/.test(value)) {
      throw new Error(`${field}.${part}: "${value}" is no registry or beginning of an image's name`);
    }
  }
  const again = all.find((rule) => begins(fullPrefix(to), rule.from));
  if (again) throw new Error(`${field}.to: "${to}" would be rewritten again by the rule from "${again.from}"`);
}

function rewriteImage(image: string, rewrites: ImageRewrite[]): string | undefined {
  const name = parseImageName(image);
  const path = `${name.registry}/${name.repository}`;
  const rule = rewrites.find(({ from }) => begins(path, from));
  if (!rule) return undefined;
  const suffix = formatImageName(name).slice(path.length);
  return `${rule.to}${path.slice(rule.from.length)}${suffix}`;
}

/** Whether a name is the prefix or goes on after it with a new part. */
function begins(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** A beginning of a name as images below it are called in full. */
function fullPrefix(prefix: string): string {
  const [first = ""] = prefix.split("/");
  return /[.:]/.test(first) || first === "localhost" ? prefix : `docker.io/${prefix}`;
}

/** With registry, and `latest` where nothing says which. */
export function fullName(image: string): string {
  const name = parseImageName(image);
  return formatImageName(name.tag === undefined && name.digest === undefined ? { ...name, tag: "latest" } : name);
}

interface Pattern extends Glob {
  /** It names a tag or digest of its own. */
  exact: boolean;
}

function pattern(field: string) {
  return (text: string, index: number): Pattern => {
    try {
      const last = text.split("/").at(-1) ?? "";
      return { ...parseGlob(text), exact: last.includes(":") || last.includes("@") || text.endsWith("**") };
    } catch (error) {
      throw new Error(`spec.${field}[${index}]: ${messageOf(error)}`, { cause: error });
    }
  };
}

/** A pattern without a tag is for all tags. */
function matches(pattern: Pattern, full: string): boolean {
  if (globMatches(pattern, full)) return true;
  return !pattern.exact && globMatches(pattern, full.replace(/@sha256:[0-9a-f]+$/, "").replace(/:[^:/]+$/, ""));
}

/** Why a text names no image; undefined when it does. */
export function imageProblem(image: string): string | undefined {
  try {
    parseImageName(image);
    return undefined;
  } catch (error) {
    if (error instanceof ImageNameError) return error.message;
    throw error;
  }
}
