import { type Reason, reasons, type Status, StatusError } from "@capstan/api/meta";
import type { HttpResponse } from "@capstan/base/http";

const decoder = new TextDecoder();

/** The whole body as text. */
export async function readText(response: HttpResponse): Promise<string> {
  const { body } = response;
  if (body === undefined) return "";
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return decoder.decode(body);
  const streaming = new TextDecoder();
  let text = "";
  for await (const chunk of body) text += streaming.decode(chunk, { stream: true });
  return text + streaming.decode();
}

/** The error that an unsuccessful answer stands for, whether or not its body is a Status. */
export async function readError(response: HttpResponse): Promise<StatusError> {
  const text = await readText(response);
  let status: Partial<Status> = {};
  try {
    const parsed = JSON.parse(text) as unknown;
    if (typeof parsed === "object" && parsed !== null) status = parsed;
  } catch {
    status = { message: text.trim().slice(0, 1000) };
  }
  return errorOf({ ...status, code: status.code ?? response.status });
}

export function errorOf(status: Partial<Status>): StatusError {
  const code = status.code ?? 500;
  const known = status.reason !== undefined && Object.hasOwn(reasons, status.reason);
  const reason = known ? (status.reason as Reason) : reasonOf(code);
  return new StatusError(reason, status.message || `the server answered ${code}`, status.details, code);
}

function reasonOf(code: number): Reason {
  if (code === 409) return "Conflict";
  if (code === 410) return "Expired";
  const match = Object.entries(reasons).find(([, known]) => known === code);
  return (match?.[0] as Reason | undefined) ?? (code < 500 ? "BadRequest" : "InternalError");
}
