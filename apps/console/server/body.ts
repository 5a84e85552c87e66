import type { HttpResponse } from "@capstan/base/http";

/** The whole body of an answer. */
export async function textOf(answer: HttpResponse): Promise<string> {
  const { body } = answer;
  if (body === undefined) return "";
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString("utf8");
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
