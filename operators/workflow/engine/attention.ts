// What has to be looked at again: a change touches its node and the bodies around it, not the whole tree.

/** Where a node stands in the template around it. */
export interface Place {
  /** ID of the node whose template names it. */
  body: string;
  /** Number of the task; of the step group. */
  part: number;
  /** Number of the step or of the loop's iteration. */
  item: number;
}

/** What is remembered of a template of steps or tasks that is under way. */
export interface Frame {
  look(part: number, item: number): void;
}

/** All of it can be lost: then everything is looked at. */
export class Attention {
  /** Everything is to be looked at now; when it is next looked at. */
  #whole = true;
  #lost = false;
  readonly #told = new Set<string>();
  readonly #places = new Map<string, Place>();
  readonly #frames = new Map<string, Frame>();
  readonly #timers = new Map<string, number>();
  /** Bodies that are looked at in every operation: what they wait for may be anything. */
  readonly #restless = new Set<string>();
  /** Bodies of which a limit of the whole workflow holds something back. */
  readonly #crowded = new Set<string>();

  /** Anything may have happened. */
  tellAll(): void {
    this.#whole = true;
  }

  /** The operation that has begun does not look at anything: the next one looks at everything. */
  lose(): void {
    this.#lost = true;
  }

  /** Something outside happened to a node: to its pod, to its report, to a lock that it waits for. */
  tell(id: string): void {
    this.#told.add(id);
  }

  /** Whether something is to be looked at now. */
  isCalled(now: number): boolean {
    return this.#whole || this.#told.size > 0 || this.#timers.values().some((time) => time <= now);
  }

  /** Begins an operation. Answers the nodes that were told of; undefined when all are to be looked at. */
  begin(now: number): Set<string> | undefined {
    for (const [id, time] of this.#timers) {
      if (time > now) continue;
      this.#timers.delete(id);
      if (id === "") this.#whole = true;
      else this.#told.add(id);
    }
    if (this.#whole || this.#lost) {
      for (const all of [this.#told, this.#places, this.#frames, this.#timers, this.#restless, this.#crowded])
        all.clear();
      this.#whole = false;
      this.#lost = false;
      return undefined;
    }
    const told = new Set(this.#told);
    this.#told.clear();
    for (const id of [...told, ...this.#restless]) this.#climb(id);
    return told;
  }

  /** Marks the way from the root to a node. */
  #climb(id: string): void {
    for (let place = this.#places.get(id); place; place = this.#places.get(place.body)) {
      this.#frames.get(place.body)?.look(place.part, place.item);
    }
  }

  /** Places of a workflow's limit have become free. */
  lookAtCrowded(): void {
    for (const id of this.#crowded) this.#climb(id);
  }

  place(id: string, place: Place | undefined): void {
    if (place) this.#places.set(id, place);
  }
  frame(body: string): Frame | undefined {
    return this.#frames.get(body);
  }
  setFrame(body: string, frame: Frame): void {
    this.#frames.set(body, frame);
  }
  setRestless(body: string): void {
    this.#restless.add(body);
  }
  setCrowded(body: string, crowded: boolean): void {
    if (crowded) this.#crowded.add(body);
    else this.#crowded.delete(body);
  }
  /** Looks at a node again at a time, epoch milliseconds; "" stands for everything. */
  wakeAt(time: number, id: string): void {
    this.#timers.set(id, Math.min(time, this.#timers.get(id) ?? Number.POSITIVE_INFINITY));
  }
  /** When the next timer is due; infinity: never. */
  get nextTime(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const time of this.#timers.values()) next = Math.min(next, time);
    return next;
  }

  /** Nothing will happen to this node any more. */
  forget(id: string): void {
    this.#told.delete(id);
    this.#places.delete(id);
    this.#frames.delete(id);
    this.#timers.delete(id);
    this.#restless.delete(id);
    this.#crowded.delete(id);
  }
}
