// A YAML alias inside of what it names: a template that holds itself has no end.
import type { Alias, Document } from "yaml";

/** The first alias that stands inside of its own anchor's node, with its place in the text. */
export async function findLoop(document: Document): Promise<{ name: string; offset: number } | undefined> {
  const { visit } = await import("yaml");
  let found: { name: string; offset: number } | undefined;
  visit(document, {
    Alias(_key, node: Alias, path) {
      const named = node.resolve(document);
      if (!named || !path.includes(named)) return undefined;
      found = { name: node.source, offset: node.range?.[0] ?? 0 };
      return visit.BREAK;
    },
  });
  return found;
}

export const loopMessage = (name: string): string =>
  `*${name} stands inside of what it names: it would hold itself without end; call the template by its name`;
