// Answers of the gateway itself: one shape, and each says what to do.

export interface Refusal {
  status: number;
  reason: string;
  message: string;
  headers?: Record<string, string>;
}

export function bodyOf({ status, reason, message }: Refusal): string {
  return `${JSON.stringify({ error: message, reason, status })}\n`;
}
