import { type BackoffOptions, backoff } from "@capstan/base/async";
import { type LaneOptions, Lanes } from "./lanes.ts";

/** setTimeout's largest delay, milliseconds; a longer one would fire at once. */
const longest = 2 ** 31 - 1;

/**
 * Keys to work on. A key is in it once, however often it is added; while it is worked on, adding it makes it come again
 * afterwards.
 */
export class WorkQueue {
  readonly #ready: Lanes;
  readonly #dirty = new Set<string>();
  readonly #active = new Set<string>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #resting = new Set<ReturnType<typeof setTimeout>>();
  readonly #failures = new Map<string, number>();
  readonly #idle: ((key: string | undefined) => void)[] = [];
  readonly #backoff: BackoffOptions;
  #closed = false;

  /**
   * @param delays between retries of a failing key; default 5 ms doubling up to 30 s.
   * @param lanes take turns; default: keys come in the order in which they were added.
   */
  constructor(delays: BackoffOptions = { base: 5, cap: 30_000 }, lanes?: LaneOptions) {
    this.#backoff = delays;
    this.#ready = new Lanes(lanes);
  }

  get size(): number {
    return this.#ready.size;
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#active.has(key)) this.#offer(key);
  }

  /** Adds the key after a delay in milliseconds, in place of any earlier delay of it. */
  addAfter(key: string, delay: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timers.get(key));
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.add(key);
      },
      Math.min(longest, Math.max(0, delay)),
    );
    this.#timers.set(key, timer);
  }

  /** Adds a key that failed, later each time. */
  retry(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, backoff(failures, this.#backoff));
  }

  /** The key succeeded: its next failure is its first. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which is the caller's until done(); undefined when the queue is closed. Its pending delay is dropped. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const key = this.#ready.shift();
    if (key !== undefined) return Promise.resolve(this.#begin(key));
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** @param rest milliseconds that the key stays away, however often it is added meanwhile. */
  done(key: string, rest = 0): void {
    if (rest > 0 && !this.#closed) {
      const timer = setTimeout(() => {
        this.#resting.delete(timer);
        this.done(key);
      }, rest);
      this.#resting.add(timer);
      return;
    }
    this.#active.delete(key);
    this.#ready.done(key);
    if (this.#dirty.has(key)) this.#ready.push(key);
    this.#serve();
  }

  close(): void {
    this.#closed = true;
    for (const timer of [...this.#timers.values(), ...this.#resting]) clearTimeout(timer);
    this.#timers.clear();
    for (const resolve of this.#idle.splice(0)) resolve(undefined);
  }

  #offer(key: string): void {
    this.#ready.push(key);
    this.#serve();
  }

  /** Gives idle workers what may be worked on. */
  #serve(): void {
    while (this.#idle.length > 0) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#idle.shift()?.(this.#begin(key));
    }
  }

  #begin(key: string): string {
    this.#dirty.delete(key);
    this.#active.add(key);
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    return key;
  }
}
