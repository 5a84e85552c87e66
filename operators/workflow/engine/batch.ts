// Parts of a template that may run at once: which are to be looked at, which are under way, which a limit holds back.
import { Agenda } from "./agenda.ts";
import { isFull } from "./limits.ts";
import type { Run } from "./run.ts";

/**
 * What became of a part: `waiting` for others, `held` back by a limit (`crowded`: under way, but something in it is),
 * under way, or over.
 */
export type Outlook = "waiting" | "held" | "crowded" | "open" | "over";

export interface Visited {
  outlook: Outlook;
  /** What is held back is a pod, or pods. */
  isPod?: boolean;
}

export class Batch {
  readonly #agenda = new Agenda();
  readonly #held = new Agenda();
  /** Held parts that are pods, which the whole workflow's limit concerns too. */
  readonly #heldPods = new Set<number>();
  /** Parts that are not over. */
  readonly open = new Set<number>();

  /** All parts are to be looked at. */
  constructor(count: number) {
    for (let i = 0; i < count; i++) {
      this.#agenda.add(i);
      this.open.add(i);
    }
  }

  look(part: number): void {
    this.#agenda.add(part);
  }
  get isCrowded(): boolean {
    return this.#held.size > 0;
  }
  /** A limit holds back all that is not over. */
  get isStuck(): boolean {
    return this.#held.size > 0 && this.#held.size === this.open.size;
  }
  /** All that is held back are pods. */
  get heldArePods(): boolean {
    return this.#held.size > 0 && this.#heldPods.size === this.#held.size;
  }

  /** Visits, in their order, the parts that are to be looked at and those for which there is room by now. */
  work(run: Run, boundary: string, visit: (part: number) => Visited): void {
    let before = -1;
    for (;;) {
      const part = this.#next(run, boundary, before);
      if (part === undefined) return;
      before = part;
      this.#agenda.delete(part);
      const { outlook, isPod = false } = visit(part);
      if (outlook === "over") this.open.delete(part);
      else this.open.add(part);
      this.#heldPods.delete(part);
      if (outlook === "held" || outlook === "crowded") {
        this.#held.add(part);
        if (isPod) this.#heldPods.add(part);
      } else this.#held.delete(part);
    }
  }

  /** Counts a part as over without a look at it. */
  drop(part: number): void {
    this.open.delete(part);
    this.#held.delete(part);
    this.#heldPods.delete(part);
    this.#agenda.delete(part);
  }

  /** What is looked at while its turn is over waits for the next operation. */
  #next(run: Run, boundary: string, before: number): number | undefined {
    const asked = this.#agenda.after(before);
    for (let held = this.#held.after(before); held !== undefined; held = this.#held.after(held)) {
      if (asked !== undefined && asked <= held) return asked;
      if (!isFull(run, boundary, this.#heldPods.has(held))) return held;
      if (asked === undefined && (isFull(run, boundary, false) || this.heldArePods)) return undefined;
    }
    return asked;
  }

  /** Something is to be looked at, or has room, although this operation has passed it. */
  isCalled(run: Run, boundary: string): boolean {
    return this.#agenda.size > 0 || (this.isCrowded && !isFull(run, boundary, this.heldArePods));
  }
}
