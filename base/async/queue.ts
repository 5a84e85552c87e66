/** A consumer fell further behind than its queue allows. */
export class QueueOverflow extends Error {
  constructor(limit: number) {
    super(`the consumer is more than ${limit} items behind`);
    this.name = "QueueOverflow";
  }
}

/** An async iterable that others push to. Reading ends after `end()`; an error given to `end` is thrown to the reader. */
export interface Queue<T> extends AsyncIterable<T> {
  push(item: T): void;
  end(error?: unknown): void;
  readonly size: number;
}

/** @param limit items held before the queue ends itself with QueueOverflow. */
export function createQueue<T>(limit = Number.POSITIVE_INFINITY): Queue<T> {
  let items: T[] = [];
  let head = 0;
  let over: { error?: unknown } | undefined;
  let wake: (() => void) | undefined;
  const poke = () => {
    wake?.();
    wake = undefined;
  };
  const queue: Queue<T> = {
    get size() {
      return items.length - head;
    },
    push(item) {
      if (over) return;
      if (queue.size >= limit) return queue.end(new QueueOverflow(limit));
      items.push(item);
      poke();
    },
    end(error) {
      over ??= error === undefined ? {} : { error };
      poke();
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          if (over?.error !== undefined) throw over.error;
          if (head < items.length) {
            yield items[head++] as T;
            if (head === items.length) {
              items = [];
              head = 0;
            }
          } else if (over) return;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        queue.end();
      }
    },
  };
  return queue;
}
