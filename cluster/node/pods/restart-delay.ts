import { backoff } from "@capstan/base/async";

export interface DelayOptions {
  /** Milliseconds. */
  base: number;
  cap: number;
  /** A run of at least this long makes the next failure the first again. */
  reset: number;
}

// The kubelet's: 10 s, doubling, at most 5 min, forgotten after 10 min.
export const kubeletDelays: DelayOptions = { base: 10_000, cap: 300_000, reset: 600_000 };

/** How long something that fails again and again waits before its next try. The first retry is at once. */
export class RetryDelays {
  readonly #options: DelayOptions;
  readonly #tries = new Map<string, number>();

  constructor(options: DelayOptions) {
    this.#options = options;
  }

  /** Milliseconds that the next try waits after the last one's end. */
  delay(key: string): number {
    const tries = this.#tries.get(key) ?? 0;
    return tries === 0 ? 0 : backoff(tries - 1, this.#options);
  }

  /** @param ran how long the last try went well. */
  tried(key: string, ran = 0): void {
    const tries = ran >= this.#options.reset ? 0 : (this.#tries.get(key) ?? 0);
    this.#tries.set(key, tries + 1);
  }

  reset(key: string): void {
    this.#tries.delete(key);
  }
}

/** As Go prints a duration of whole seconds: 10s, 1m20s, 5m0s. */
export function formatDelay(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
