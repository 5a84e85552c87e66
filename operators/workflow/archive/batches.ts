/** Gives work to `carryOut` together: what comes while it runs is its next batch. */
export interface Batches<T> {
  /** Resolves or rejects with the batch that the item was in. */
  add(item: T): Promise<void>;
}

/** @param limit items in one batch. */
export function createBatches<T>(limit: number, carryOut: (items: T[]) => Promise<void>): Batches<T> {
  let waiting: { item: T; resolve(): void; reject(error: unknown): void }[] = [];
  let running = false;
  const run = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, limit);
      waiting = waiting.slice(limit);
      try {
        await carryOut(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };
  return {
    add(item) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ item, resolve, reject });
      if (!running) {
        running = true;
        void run();
      }
      return promise;
    },
  };
}
