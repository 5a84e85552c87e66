// Work that looks at everything: however many ask for it at once, it is done once more, one round after another.
import { type Deferred, deferred } from "@capstan/base/async";

export interface Rounds {
  /** Resolves after a round that began no earlier than this call. */
  run(): Promise<void>;
  /** Resolves when no round is under way or asked for. */
  rest(): Promise<void>;
}

/** @param round must not reject. */
export function createRounds(round: () => Promise<void>): Rounds {
  let asked: Deferred<void> | undefined;
  let working = Promise.resolve();
  const next = async (done: Deferred<void>) => {
    // What comes in the same turn of the event loop is done in the same round.
    await new Promise((resolve) => setImmediate(resolve));
    asked = undefined;
    await round();
    done.resolve();
  };
  return {
    run() {
      if (asked) return asked.promise;
      const done = deferred();
      asked = done;
      working = working.then(() => next(done));
      return done.promise;
    },
    rest: async () => await working,
  };
}
