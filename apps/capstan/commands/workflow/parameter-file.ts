import { UsageError } from "../usage.ts";
import { readText } from "./text.ts";

/** All parameters of a YAML or JSON file: what is no text becomes JSON. */
export async function readParameterFile(verb: string, file: string): Promise<Record<string, string>> {
  const { parse } = await import("yaml");
  const content: unknown = parse(await readText(file), { maxAliasCount: 100 });
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content))
    throw new UsageError(`workflow ${verb}`, `${file} has to be a map of parameters`);
  return Object.fromEntries(
    Object.entries(content).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}
