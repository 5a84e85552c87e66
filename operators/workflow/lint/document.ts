// Documents of YAML and JSON files, with the place of every field.
import type { Document, LineCounter, Node, ParsedNode } from "yaml";
import { indent } from "../manifest.ts";
import { findLoop, loopMessage } from "../yaml-loop.ts";

export interface Place {
  /** From 1. */
  line: number;
  column: number;
}

export interface SourceDocument {
  value: unknown;
  /** Where a path such as `spec.templates[0].name` stands; what is missing stands where it would be. */
  locate(path: string): Place;
}

/** Something in a text that is not YAML, or a key that is there twice. */
export interface SyntaxProblem extends Place {
  message: string;
  /** Go's parser takes the last of two keys unless it is strict. */
  duplicate: boolean;
}

/** Longest text read, in characters. */
const textLimit = 3 * 1024 * 1024;

export async function readDocuments(text: string): Promise<{ documents: SourceDocument[]; problems: SyntaxProblem[] }> {
  if (text.length > textLimit) {
    const message = `a manifest is at most ${textLimit} characters long`;
    return { documents: [], problems: [{ line: 1, column: 1, duplicate: false, message }] };
  }
  const { LineCounter, parseAllDocuments } = await import("yaml");
  let source = text;
  let lines = new LineCounter();
  let parsed: Document.Parsed<ParsedNode>[];
  for (;;) {
    lines = new LineCounter();
    parsed = [
      ...parseAllDocuments(source, { lineCounter: lines, prettyErrors: false }),
    ] as Document.Parsed<ParsedNode>[];
    // Go's parser minds no indentation inside brackets and quotes.
    const bad = parsed.flatMap(({ errors }) => errors).find(({ code }) => code === "BAD_INDENT");
    const fixed = bad && indent(source, lines.linePos(bad.pos[0]).line);
    if (fixed === undefined) break;
    source = fixed;
  }
  const documents: SourceDocument[] = [];
  const problems: SyntaxProblem[] = [];
  for (const document of parsed) {
    const { errors } = document;
    for (const { pos, message, code } of errors) {
      problems.push({ ...placeOf(lines, pos[0]), message, duplicate: code === "DUPLICATE_KEY" });
    }
    if (errors.some(({ code }) => code !== "DUPLICATE_KEY")) continue;
    const loop = await findLoop(document);
    if (loop) {
      problems.push({ ...placeOf(lines, loop.offset), message: loopMessage(loop.name), duplicate: false });
      continue;
    }
    try {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      if (value === null || value === undefined) continue;
      documents.push({ value, locate: (path) => placeOf(lines, offsetOf(document, path)) });
    } catch (error) {
      const at = placeOf(lines, document.range?.[0] ?? 0);
      problems.push({ ...at, message: (error as Error).message, duplicate: false });
    }
  }
  return { documents, problems };
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

interface Item {
  key?: unknown;
  value?: unknown;
}

/** Follows a path as far as there is something. Keys may have dots of their own: the longest fits. */
function offsetOf(document: Document.Parsed, path: string): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  const parts = path.split(/\.|(?=\[\d+\])/).filter(Boolean);
  for (let i = 0; i < parts.length; ) {
    const items = (node as { items?: unknown[] } | null)?.items;
    if (!items) return offset;
    const index = /^\[(\d+)\]$/.exec(parts[i] as string)?.[1];
    if (index !== undefined) {
      const item = items[Number(index)] as Node | undefined;
      if (!item?.range) return offset;
      [node, offset] = [item, item.range[0]];
      i++;
      continue;
    }
    let found: { item: Item; count: number } | undefined;
    for (let count = parts.length - i; count > 0 && !found; count--) {
      const name = parts.slice(i, i + count).join(".");
      const item = (items as Item[]).find(
        ({ key }) => String((key as { value?: unknown } | null)?.value ?? key) === name,
      );
      if (item) found = { item, count };
    }
    if (!found) return offset;
    offset = (found.item.key as Node | null)?.range?.[0] ?? offset;
    node = found.item.value;
    i += found.count;
  }
  return offset;
}
