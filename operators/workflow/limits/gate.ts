// How many pods are created at once, and in a second. Who waits passes in turns of the namespaces.

export interface Rate {
  /** Pods in a second. */
  limit: number;
  /** Pods that may come at once after a pause. */
  burst: number;
}

export interface GateOptions {
  atOnce: number;
  /** Absent: any. */
  rate(): Rate | undefined;
  now?: () => number;
}

/** Who was refused and has not asked again for so long has gone, milliseconds. */
const patience = 2000;

export class Gate {
  readonly #options: Required<GateOptions>;
  readonly #waiting = new Map<string, (() => void)[]>();
  #out = 0;
  #tokens: number | undefined;
  #at = 0;
  #last: string | undefined;
  /** Lanes that were refused, and when. */
  readonly #refused = new Map<string, number>();

  constructor(options: GateOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /** Does the work when its lane's turn has come. */
  async pass<T>(lane: string, work: () => Promise<T>): Promise<T> {
    if (this.#out < this.#options.atOnce) this.#out++;
    else {
      await new Promise<void>((resolve) => {
        const lanes = this.#waiting.get(lane);
        if (lanes) lanes.push(resolve);
        else this.#waiting.set(lane, [resolve]);
      });
    }
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** Hands the place on, to another lane if one waits. */
  #next(): void {
    const turn = this.#waiting.entries().next();
    if (turn.done) {
      this.#out--;
      return;
    }
    const [lane, waiting] = turn.value;
    const go = waiting.shift();
    this.#waiting.delete(lane);
    if (waiting.length > 0) this.#waiting.set(lane, waiting);
    go?.();
  }

  /**
   * Takes the right to create one pod. Answers 0, or in how many milliseconds to ask again. Who had the last one waits
   * while others ask.
   */
  take(lane: string): number {
    const rate = this.#options.rate();
    if (!rate) return 0;
    const now = this.#options.now();
    const burst = Math.max(1, rate.burst);
    const gained = ((now - this.#at) / 1000) * rate.limit;
    this.#tokens = Math.min(burst, (this.#tokens ?? burst) + gained);
    this.#at = now;
    const interval = Math.max(1, Math.ceil(1000 / rate.limit));
    if (this.#tokens >= 1 && !this.#yields(lane, now - patience - interval)) {
      this.#tokens--;
      this.#last = lane;
      this.#refused.delete(lane);
      return 0;
    }
    this.#refused.set(lane, now);
    return interval;
  }

  #yields(lane: string, since: number): boolean {
    if (lane !== this.#last) return false;
    return this.#refused.entries().some(([other, at]) => other !== lane && at >= since);
  }
}
