// The parts of a running platform: started together, watched together, stopped together.
import { deferred } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { PartStatus } from "../instance/control.ts";

export interface Part {
  name: string;
  /** Resolves when the signal aborted and everything of the part has ended. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when it does its work; absent: as soon as it has started. */
  ready?: Promise<void>;
  /** What `capstan status` says of it when ready. */
  about?(): string;
  /** Why it cannot do its work at the moment, though it runs. */
  problem?(): string | undefined;
}

export interface Parts {
  /** Starts one more part. */
  add(part: Part): void;
  status(): PartStatus[];
  /** Resolves when the parts added so far are ready; rejects when one fails. */
  ready(): Promise<void>;
  /** Rejects when a part ends before the signal aborts. */
  failed: Promise<never>;
  /** Resolves when all have ended, the last started first. */
  stopped(): Promise<void>;
}

interface Running {
  part: Part;
  ready: boolean;
  error?: string;
  whenReady: Promise<void>;
  ended: Promise<void>;
  stop: AbortController;
}

/** @param signal aborts when everything has to stop: parts are stopped in the reverse order of their start. */
export function createParts(log: Logger, signal: AbortSignal): Parts {
  const all: Running[] = [];
  const failure = deferred<never>();
  failure.promise.catch((error) => log.error("a part failed", { error }));

  const add = (part: Part) => {
    const stop = new AbortController();
    const running: Running = { part, ready: false, whenReady: Promise.resolve(), ended: Promise.resolve(), stop };
    const fail = (error: unknown) => {
      running.error = messageOf(error);
      running.ready = false;
      failure.reject(new Error(`${part.name}: ${messageOf(error)}`, { cause: error }));
    };
    running.ended = part.start(stop.signal).then(
      () => stop.signal.aborted || fail("ended by itself"),
      (error) => fail(error),
    ) as Promise<void>;
    running.whenReady = (part.ready ?? Promise.resolve()).then(() => {
      running.ready = true;
      log.debug("ready", { part: part.name });
    }, fail);
    all.push(running);
  };

  return {
    add,
    failed: failure.promise,
    status: () => all.map(statusOf),
    ready: () => Promise.race([Promise.all(all.map((one) => one.whenReady)).then(() => {}), failure.promise]),
    async stopped() {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      for (const running of all.toReversed()) {
        running.stop.abort();
        await running.ended;
        log.debug("stopped", { part: running.part.name });
      }
    },
  };
}

function statusOf({ part, ready, error }: Running): PartStatus {
  const problem = error ?? part.problem?.();
  const message = problem ?? (ready ? (part.about?.() ?? "ready") : "starting");
  return { name: part.name, ready: ready && problem === undefined, message };
}
