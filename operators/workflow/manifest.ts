// Reads manifests as Go's YAML parser does, which Argo's users write for.
import type { KubeObject, New } from "@capstan/api/meta";
import type { Document } from "yaml";
import { yamlAsGo } from "./yaml-as-go.ts";
import { findLoop, loopMessage } from "./yaml-loop.ts";

/** Largest manifest text, characters. */
const textLimit = 3 * 1024 * 1024;

/** The objects of a YAML or JSON text. @throws Error with line and column for what cannot be read. */
export async function readManifests(text: string): Promise<New<KubeObject>[]> {
  if (text.length > textLimit) throw new Error(`a manifest is at most ${textLimit} characters long`);
  const { parseAllDocuments } = await import("yaml");
  let source = text;
  for (;;) {
    const documents = parseAllDocuments(source, { ...yamlAsGo, prettyErrors: true });
    const errors = [...documents].flatMap((document) => document.errors);
    if (errors.length === 0) {
      for (const document of documents) {
        const loop = await findLoop(document as Document);
        if (!loop) continue;
        const line = source.slice(0, loop.offset).split("\n").length;
        throw new Error(`line ${line}: ${loopMessage(loop.name)}`);
      }
      const values = [...documents].map((document): unknown => document.toJS({ maxAliasCount: 100 }));
      return values.flatMap((value) => objectsOf(value));
    }
    const fixed = indent(source, errors.find(({ code }) => code === "BAD_INDENT")?.linePos?.[0].line);
    if (fixed === undefined) throw new Error((errors[0] as Error).message);
    source = fixed;
  }
}

/**
 * Go's parser does not mind how far a line inside brackets or quotes is indented, and its indentation means nothing.
 * @returns the text with that line further in; undefined when the line is far in already: then it is something else.
 */
export function indent(source: string, line: number | undefined): string | undefined {
  if (line === undefined) return undefined;
  const lines = source.split("\n");
  const at = lines[line - 1];
  if (at === undefined || /^ {64}/.test(at)) return undefined;
  lines[line - 1] = `${" ".repeat(64)}${at}`;
  return lines.join("\n");
}

function objectsOf(value: unknown): New<KubeObject>[] {
  if (value === null || value === undefined) return [];
  const object = value as New<KubeObject> & { items?: unknown[] };
  if (typeof value !== "object" || Array.isArray(value) || !object.kind || !object.apiVersion) {
    throw new Error("a manifest needs apiVersion and kind");
  }
  if (object.kind === "List") return (object.items ?? []).flatMap(objectsOf);
  return [{ ...object, metadata: object.metadata ?? {} }];
}
