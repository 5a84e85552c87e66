// Tries again what may only have met a bad moment.
import { backoff, sleep } from "@capstan/base/async";
import { StoreError } from "./store.ts";

/** So often is a store asked, with waits of 0.2 s to 10 s between. */
export const storeTries = 6;

const passingCodes = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ERR_STREAM_PREMATURE_CLOSE",
  "UND_ERR_SOCKET",
]);

/** Statuses of HTTP after which the same request may be answered. Source: RFC 9110, sections 15.5.9 and 15.6. */
export const isPassingStatus = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** Whether another try may end better. */
export function isPassing(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof StoreError) return at.passing;
    if (passingCodes.has((at as NodeJS.ErrnoException).code ?? "")) return true;
    if (at instanceof AggregateError && at.errors.some(isPassing)) return true;
  }
  return false;
}

/**
 * @param work is called again from its start, and cleans up after itself.
 * @throws the last error, which then says how often it was tried.
 */
export async function persist<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || signal.aborted) throw error;
      if (tried >= storeTries) {
        throw new StoreError(`${(error as Error).message} (tried ${tried} times)`, { cause: error });
      }
      await sleep(backoff(tried - 1, { base: 200, cap: 10_000 }), signal);
    }
  }
}
