import { createQueue, type Queue, QueueOverflow } from "@capstan/base/async";
import { StoreError } from "./error.ts";
import type { History } from "./history.ts";
import { type KeyRange, rangeOf } from "./prefix.ts";
import type { Progress, StoreEvent, Watch, WatchQuery } from "./store.ts";

interface Watcher {
  range: KeyRange;
  queue: Queue<StoreEvent | Progress>;
}

/** Hands committed changes to the watches that want them. */
export interface WatchHub {
  publish(event: StoreEvent): void;
  watch(prefix: string, query: WatchQuery, revision: number): Watch;
  end(error: Error): void;
}

export function createWatchHub(history: History, revision: () => number): WatchHub {
  const watchers = new Set<Watcher>();
  return {
    publish(event) {
      for (const { range, queue } of watchers) if (range.holds(event.key)) queue.push(event);
    },
    watch(prefix, { after, signal, buffer = 4096 }, now) {
      if (after !== undefined && after > now) throw new StoreError("Future", `revision ${after} is ahead of ${now}`);
      if (after !== undefined && after < history.oldest) {
        throw new StoreError(
          "Expired",
          `revision ${after} is older than the history, which starts at ${history.oldest}`,
        );
      }
      const range = rangeOf(prefix);
      // Backfill, cut over and stream are one step here: nothing can be committed between these lines.
      const backfill =
        after === undefined || after === now ? [] : [...history.after(after)].filter((e) => range.holds(e.key));
      const queue = createQueue<StoreEvent | Progress>(buffer + backfill.length);
      for (const event of backfill) queue.push(event);
      const watcher = { range, queue };
      watchers.add(watcher);
      const stop = () => {
        watchers.delete(watcher);
        signal.removeEventListener("abort", stop);
        queue.end();
      };
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      return {
        requestProgress: () => queue.push({ type: "progress", revision: revision() }),
        [Symbol.asyncIterator]: () => read(queue, stop),
      };
    },
    end(error) {
      for (const { queue } of watchers) queue.end(error);
      watchers.clear();
    },
  };
}

async function* read(queue: Queue<StoreEvent | Progress>, stop: () => void): AsyncGenerator<StoreEvent | Progress> {
  try {
    yield* queue;
  } catch (error) {
    if (!(error instanceof QueueOverflow)) throw error;
    throw new StoreError("Overflow", `the watch was not read fast enough: ${error.message}`, { cause: error });
  } finally {
    stop();
  }
}
