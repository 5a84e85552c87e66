import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

/** A file's, a URL's or standard input's text. */
export async function readText(file: string): Promise<string> {
  // Standard input may be a socket, which is no file that could be opened again.
  if (file === "-") return text(process.stdin);
  if (!/^https?:\/\//.test(file)) return readFileSync(file, "utf8");
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: the server answered ${answer.status} ${answer.statusText}`);
  return answer.text();
}
