/** A pattern of names: `*` is any text without `/`, `**` any text. */
export interface Glob {
  text: string;
  parts: string[];
}

/** Characters of a pattern. */
const lengthLimit = 512;

/** @throws when the text has other characters than names have */
export function parseGlob(text: string): Glob {
  if (text.length > lengthLimit)
    throw new Error(`"${text.slice(0, 40)}…": a pattern has at most ${lengthLimit} characters`);
  if (!/^[\w.:@/*-]+$/.test(text)) throw new Error(`"${text}" is no pattern of image names`);
  return { text, parts: text.split(/(\*\*+|\*)/).filter(Boolean) };
}

/** Reads the text once for each part: no pattern takes longer than their product. */
export function globMatches({ parts }: Glob, text: string): boolean {
  // Where in the text the parts so far may end.
  let ends = new Uint8Array(text.length + 1);
  ends[0] = 1;
  for (const part of parts)
    ends = part.startsWith("*") ? afterStar(ends, text, part === "*") : afterText(ends, text, part);
  return ends[text.length] === 1;
}

function afterStar(ends: Uint8Array, text: string, stopsAtSlash: boolean): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(text.length + 1);
  let open = false;
  for (let at = 0; at <= text.length; at++) {
    if (open && stopsAtSlash && text[at - 1] === "/") open = false;
    open ||= ends[at] === 1;
    next[at] = open ? 1 : 0;
  }
  return next;
}

function afterText(ends: Uint8Array, text: string, part: string): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(text.length + 1);
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    if (ends[at] === 1) next[at + part.length] = 1;
  }
  return next;
}
