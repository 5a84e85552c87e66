// The files that the rules look at, read once.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export const root = new URL("../../", import.meta.url).pathname;

export interface Source {
  /** From the project's root. */
  path: string;
  text: string;
  lines: number;
  /** Specifiers of static and dynamic imports and re-exports. */
  imports: string[];
}

const importing =
  /(?:^|[\s;}])(?:import|export)\s(?:[^;"'`]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

function list(pattern: RegExp): string[] {
  const names = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  return names.split("\n").filter((name) => pattern.test(name) && existsSync(root + name));
}

/** Hand-written TypeScript, tests included. */
export function sources(): Source[] {
  return list(/\.tsx?$/)
    .filter((path) => !/(^|\/)(generated|dist)\//.test(path))
    .map((path) => {
      const text = readFileSync(root + path, "utf8");
      const imports = [...withoutComments(text).matchAll(importing)].map((match) => match[1] ?? match[2] ?? "");
      return { path, text, lines: text.split("\n").length - 1, imports };
    });
}

export function documents(): { path: string; text: string }[] {
  return list(/\.md$/).map((path) => ({ path, text: readFileSync(root + path, "utf8") }));
}

/** Text whose comments are blank, line for line. */
export function withoutComments(text: string): string {
  const blank = (match: string) => match.replace(/[^\n]/g, " ");
  return text.replace(/\/\*\*?[\s\S]*?\*\//g, blank).replace(/(^|\s)\/\/.*$/gm, blank);
}

export const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path);

/** Top folder that an import leads to, `npm:<package>` or `node:<module>`. */
export function targetOf(source: Source, specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  if (specifier.startsWith(".")) return normalize(join(dirname(source.path), specifier));
  const own = /^@capstan\/([\w-]+)(?:\/(.*))?$/.exec(specifier);
  if (own) return `${apps.has(own[1] ?? "") ? `apps/${own[1]}` : own[1]}/${own[2] ?? ""}`;
  const [scope = "", name = ""] = specifier.split("/");
  return `npm:${scope.startsWith("@") ? `${scope}/${name}` : scope}`;
}

const apps = new Set(["capstan", "executor", "model-server", "console", "component"]);
