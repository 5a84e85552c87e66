import { type Reason, reasons, StatusError } from "@capstan/api/meta";
import type { HttpResponse } from "@capstan/base/http";
import { isSwitched } from "@capstan/core/wire";
import { returnable } from "./headers.ts";

// An agent's error is a sentence: no more of it is read.
const longestError = 16 * 1024;

/** An agent's answer as the API's: its errors become Status objects. */
export async function checkAnswer(answer: HttpResponse): Promise<HttpResponse> {
  if (isSwitched(answer)) return answer;
  if (answer.status < 400) return { ...answer, headers: returnable(answer.headers) };
  const text = await readText(answer.body);
  throw statusOf(answer.status, text);
}

function statusOf(code: number, text: string): StatusError {
  const status = parseStatus(text);
  if (status) return new StatusError(status.reason, status.message, undefined, code);
  const found = (Object.keys(reasons) as Reason[]).find((reason) => reasons[reason] === code);
  return new StatusError(
    found ?? (code < 500 ? "BadRequest" : "InternalError"),
    text.trim() || `the node answered ${code}`,
    undefined,
    code,
  );
}

function parseStatus(text: string): { reason: Reason; message: string } | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const { kind, reason, message } = JSON.parse(text) as Record<string, string>;
    if (kind !== "Status" || !reason || !Object.hasOwn(reasons, reason)) return undefined;
    return { reason: reason as Reason, message: message ?? "" };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function readText(body: HttpResponse["body"]): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return new TextDecoder().decode(body.subarray(0, longestError));
  let text = "";
  for await (const chunk of body) {
    text += new TextDecoder().decode(chunk);
    if (text.length >= longestError) break;
  }
  return text;
}
