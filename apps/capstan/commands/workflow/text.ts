import { readFileSync } from "node:fs";

/** A file's, a URL's or standard input's text. */
export async function readText(file: string): Promise<string> {
  if (!/^https?:\/\//.test(file)) return readFileSync(file === "-" ? "/dev/stdin" : file, "utf8");
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: the server answered ${answer.status} ${answer.statusText}`);
  return answer.text();
}
