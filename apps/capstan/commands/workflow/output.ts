// How objects are printed: as their name, as JSON or YAML, or as a table or tree that the verb makes.
import type { KubeObject } from "@capstan/api/meta";
import { UsageError } from "../usage.ts";
import { print } from "./call.ts";

const formats = ["name", "json", "yaml", "wide"] as const;
export type Output = (typeof formats)[number] | undefined;

export const outputFlag = { output: { type: "string", short: "o" } } as const;

/** @throws UsageError */
export function readOutput(verb: string, text: string | undefined): Output {
  if (text === undefined || text === "") return undefined;
  const format = formats.find((one) => one === text);
  if (!format) throw new UsageError(`workflow ${verb}`, `-o ${text}: there are ${formats.join(", ")}`);
  return format;
}

/** Prints one object; `draw` makes the text for people. */
export async function printObject<T extends KubeObject>(
  object: T,
  output: Output,
  draw: (object: T) => string[],
): Promise<void> {
  if (output === "name") print(object.metadata.name ?? "");
  else if (output === "json") print(JSON.stringify(object, undefined, 4));
  else if (output === "yaml") print(await toYaml(object));
  else print(draw(object).join("\n"));
}

/** Prints several objects as one document. */
export async function printObjects<T extends KubeObject>(
  objects: T[],
  output: Output,
  draw: (objects: T[]) => string[],
): Promise<void> {
  if (output === "name") for (const { metadata } of objects) print(metadata.name ?? "");
  else if (output === "json") print(JSON.stringify(objects, undefined, 2));
  else if (output === "yaml") print(await toYaml(objects));
  else print(draw(objects).join("\n"));
}

async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import("yaml");
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
