interface Running<T> {
  promise: Promise<T>;
  stop: AbortController;
  waiting: number;
}

/** Work that several want at the same time is done once; it is stopped when none of them waits any more. */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /** Rejects with the signal's reason when that aborts, whether others go on waiting or not. */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, work);
    running.waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => {
      if (--running.waiting === 0) {
        // Whoever comes now begins anew.
        if (this.#running.get(key) === running) this.#running.delete(key);
        running.stop.abort(signal?.reason);
      }
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([running.promise, left]);
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const stop = new AbortController();
    const running: Running<T> = { stop, waiting: 0, promise: work(stop.signal) };
    this.#running.set(key, running);
    const over = () => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    };
    running.promise.then(over, over);
    return running;
  }
}
