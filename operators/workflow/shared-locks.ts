// Locks of the database as the engine sees them: at once, by what is known; the database is asked behind it.
import { backoff, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { AcquireResult, LockRecords, Records } from "@capstan/core/records";
import { inOrder, type LockOrder, type LockRequest, type LockWait, type SharedLocks } from "./engine/index.ts";
import { ExpressionError } from "./expressions/index.ts";

export interface SharedLocksOptions {
  records: Records;
  log: Logger;
  /** Called with a holder of which something new is known. */
  wake(holder: string): void;
  /** Whether a holder of an earlier operator is still under way: `namespace/workflow` or `namespace/workflow/node ID`. */
  isLive(holder: string): boolean;
}

interface Claim {
  requests: LockRequest[];
  order: LockOrder;
  /** Absent: it has its locks. */
  wait?: LockWait | undefined;
  /** The semaphore that has no limit. */
  unlimited?: LockRequest;
  asking: boolean;
  /** Something was freed while it was asking. */
  again: boolean;
}

export interface SharedLockKeeper extends SharedLocks {
  /** Gives up what earlier operators left behind; the workflows must be known by then. */
  sweep(): Promise<void>;
  /** Ends all asking; what is held stays held. */
  stop(): void;
}

export function createSharedLocks(options: SharedLocksOptions): SharedLockKeeper {
  return new Keeper(options);
}

class Keeper implements SharedLockKeeper {
  readonly #options: SharedLocksOptions;
  readonly #claims = new Map<string, Claim>();
  /** What is written for a holder is written one after the other. */
  readonly #tails = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #ready: Promise<void> | undefined;
  #listening = false;

  constructor(options: SharedLocksOptions) {
    this.#options = options;
  }

  acquire(holder: string, requests: LockRequest[], order: LockOrder): LockWait | undefined {
    const known = this.#claims.get(holder);
    if (known?.unlimited) {
      this.#claims.delete(holder);
      const { shared = "" } = known.unlimited;
      const [namespace, name] = [shared.slice(0, shared.indexOf("/")), shared.slice(shared.indexOf("/") + 1)];
      throw new ExpressionError(
        `failed to initialize semaphore ${known.unlimited.name} with limit: set it with capstan workflow sync create ${name} -n ${namespace} --type database --limit N`,
      );
    }
    if (known) return known.wait;
    const wait = { request: requests[0] as LockRequest, holders: [], limit: 0 };
    const claim: Claim = { requests, order, wait, asking: false, again: false };
    this.#claims.set(holder, claim);
    this.#ask(holder, claim);
    return wait;
  }

  release(holder: string): void {
    if (!this.#claims.delete(holder)) return;
    this.#write(holder, (locks) => locks.release(holder));
  }

  adopt(holder: string): void {
    const order = { priority: 0, createdAt: "" };
    this.#claims.set(holder, { requests: [], order, asking: false, again: false });
  }

  holders(): string[] {
    return [...this.#claims.keys()];
  }

  sweep(): Promise<void> {
    this.#ready ??= this.#sweep().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #sweep(): Promise<void> {
    const locks = await this.#open();
    for (const holder of await locks.holders()) {
      if (!this.#claims.has(holder) && !this.#options.isLive(holder)) await locks.release(holder);
    }
  }

  async #open(): Promise<LockRecords> {
    const { locks } = await this.#options.records.open();
    if (!this.#listening) {
      this.#listening = true;
      locks.onFreed(() => this.#askNext());
    }
    return locks;
  }

  /** Those who stand first for a lock: all others have to wait for them anyway. @param names of locks; absent: of all. */
  #askNext(names?: ReadonlySet<string>): void {
    const queues = new Map<string, [string, Claim][]>();
    for (const [holder, claim] of this.#claims) {
      const name = claim.wait?.request.name;
      if (name === undefined || (names && !names.has(name))) continue;
      const queue = queues.get(name) ?? [];
      queue.push([holder, claim]);
      queues.set(name, queue);
    }
    for (const queue of queues.values()) {
      queue.sort(([a, { order: x }], [b, { order: y }]) => inOrder([a, x], [b, y]));
      const most = Math.max(1, ...queue.map(([, { wait }]) => wait?.limit ?? 0));
      for (const [holder, claim] of queue.slice(0, most)) this.#ask(holder, claim);
    }
  }

  #ask(holder: string, claim: Claim): void {
    if (claim.asking) {
      claim.again = true;
      return;
    }
    claim.asking = true;
    this.#write(holder, async (locks) => {
      do {
        claim.again = false;
        if (this.#claims.get(holder) !== claim) return;
        await this.sweep();
        const shared = claim.requests.map(({ kind, shared: name = "" }) => ({ kind, name }));
        this.#take(holder, claim, await locks.acquire(holder, shared, claim.order));
      } while (claim.again && claim.wait);
      claim.asking = false;
    });
  }

  #take(holder: string, claim: Claim, result: AcquireResult): void {
    const before = JSON.stringify(claim.wait);
    const requestOf = ({ kind, name }: { kind: string; name: string }) =>
      claim.requests.find((one) => one.kind === kind && one.shared === name) as LockRequest;
    if (result.held) claim.wait = undefined;
    else if ("unlimited" in result) claim.unlimited = requestOf(result.unlimited);
    else claim.wait = { request: requestOf(result.waitsFor), holders: result.holders, limit: result.limit };
    if (claim.unlimited || JSON.stringify(claim.wait) !== before) this.#options.wake(holder);
    // Places that are left over are for those who have stood behind.
    if (!claim.wait) this.#askNext(new Set(claim.requests.map(({ name }) => name)));
  }

  /** Tried until it is done: a lock that is not given up would hold up others for ever. */
  #write(holder: string, work: (locks: LockRecords) => Promise<void>): void {
    const attempt = async () => {
      const { signal } = this.#stop;
      for (let tries = 0; !signal.aborted; tries++) {
        try {
          return await work(await this.#open());
        } catch (error) {
          this.#options.log.warn("the database of locks does not answer", { holder, error: messageOf(error) });
          await sleep(backoff(tries, { base: 200, cap: 30_000 }), signal);
        }
      }
    };
    const tail = (this.#tails.get(holder) ?? Promise.resolve()).then(attempt);
    this.#tails.set(holder, tail);
    void tail.then(() => {
      if (this.#tails.get(holder) === tail) this.#tails.delete(holder);
    });
  }
}
