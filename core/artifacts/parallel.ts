/** Files of a directory that are under way at once. */
const atOnce = 4;

/** Does the same with all items, several at once. @throws the first error, after what was under way has ended. */
export async function inParallel<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const source = items[Symbol.asyncIterator]();
  let failed = false;
  const worker = async () => {
    while (!failed) {
      const { value, done } = await source.next();
      if (done) return;
      await work(value);
    }
  };
  const guarded = async () => {
    try {
      await worker();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, guarded));
  await source.return?.();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
