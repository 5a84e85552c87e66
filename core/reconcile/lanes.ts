export interface LaneOptions {
  /** The lane of a key, such as its namespace. */
  of(key: string): string;
  /** Keys of one lane that may be worked on at once. */
  width: number;
}

const single: LaneOptions = { of: () => "", width: Number.POSITIVE_INFINITY };

/** Keys that wait. Lanes take turns, so that a long one does not keep the others waiting. */
export class Lanes {
  readonly #options: LaneOptions;
  /** Waiting keys by lane, in the order in which the lanes take their turns. */
  readonly #waiting = new Map<string, string[]>();
  readonly #out = new Map<string, number>();
  #size = 0;

  constructor(options: LaneOptions = single) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  push(key: string): void {
    const lane = this.#options.of(key);
    const keys = this.#waiting.get(lane);
    if (keys) keys.push(key);
    else this.#waiting.set(lane, [key]);
    this.#size++;
  }

  /** The next key whose lane is not full; it is out until done(). */
  shift(): string | undefined {
    for (const [lane, keys] of this.#waiting) {
      const out = this.#out.get(lane) ?? 0;
      if (out >= this.#options.width) continue;
      const key = keys.shift() as string;
      this.#waiting.delete(lane);
      if (keys.length > 0) this.#waiting.set(lane, keys);
      this.#out.set(lane, out + 1);
      this.#size--;
      return key;
    }
    return undefined;
  }

  done(key: string): void {
    const lane = this.#options.of(key);
    const out = (this.#out.get(lane) ?? 0) - 1;
    if (out > 0) this.#out.set(lane, out);
    else this.#out.delete(lane);
  }
}
