import type { StoreEvent } from "./store.ts";

/** The newest changes, for watches that resume and for lists of an older revision. */
export interface History {
  /** Everything after this revision is here. */
  readonly oldest: number;
  push(event: StoreEvent): void;
  /** Events after a revision ≥ oldest, in order. */
  after(revision: number): Iterable<StoreEvent>;
}

export interface HistoryLimits {
  /** Events kept. */
  events: number;
  /** Bytes of their values kept. */
  bytes: number;
}

export function createHistory(start: number, limits: HistoryLimits): History {
  let events: StoreEvent[] = [];
  let head = 0;
  let bytes = 0;
  let oldest = start;
  const weigh = (event: StoreEvent) => event.value.bytes.byteLength;
  return {
    get oldest() {
      return oldest;
    },
    push(event) {
      events.push(event);
      bytes += weigh(event);
      while (events.length - head > limits.events || (bytes > limits.bytes && events.length - head > 1)) {
        const dropped = events[head++] as StoreEvent;
        bytes -= weigh(dropped);
        oldest = dropped.revision;
      }
      if (head > events.length / 2) {
        events = events.slice(head);
        head = 0;
      }
    },
    *after(revision) {
      let low = head;
      let high = events.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((events[middle] as StoreEvent).revision <= revision) low = middle + 1;
        else high = middle;
      }
      const present = events;
      for (let i = low; i < present.length; i++) yield present[i] as StoreEvent;
    },
  };
}
