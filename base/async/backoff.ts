export interface BackoffOptions {
  /** First delay, milliseconds. */
  base: number;
  factor?: number;
  /** Largest delay, milliseconds. */
  cap: number;
}

/** Delay before retry number `attempt` (from 0), in milliseconds. */
export function backoff(attempt: number, { base, factor = 2, cap }: BackoffOptions): number {
  return Math.min(cap, base * factor ** attempt);
}
