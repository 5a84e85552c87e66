import type { HttpResponse } from "@capstan/base/http";

/** What the console's own endpoints answer when they refuse: the reason for programs, the message for people. */
export interface Refusal {
  reason: string;
  message: string;
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpResponse {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
  };
}

export function refuse(status: number, reason: string, message: string): HttpResponse {
  return json(status, { reason, message } satisfies Refusal);
}
