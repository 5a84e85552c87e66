// Who holds and who waits for which lock.
import { ExpressionError } from "../expressions/index.ts";
import type { LockOrder, LockTable, SharedLocks } from "./world.ts";

interface Lock {
  holders: Set<string>;
  limit: number;
  waiting: Map<string, LockOrder>;
}

/**
 * The locks of this operator, and before them those that others share: whoever holds locks of the table holds all that
 * it needs, so that nobody waits for one another in a circle.
 * @param wake is called with a holder that may get its locks now.
 */
export function createLockTable(wake: (holder: string) => void, shared?: SharedLocks): LockTable {
  const locks = new Map<string, Lock>();
  const held = new Map<string, string[]>();
  const first = (lock: Lock) =>
    [...lock.waiting].sort(
      ([a, x], [b, y]) => y.priority - x.priority || compare(x.createdAt, y.createdAt) || compare(a, b),
    );
  const table: LockTable = {
    acquire(holder, all, order) {
      if (held.has(holder)) return undefined;
      const asked = all.filter((request) => request.shared !== undefined);
      const requests = all.filter((request) => request.shared === undefined);
      if (asked.length > 0) {
        if (!shared)
          throw new ExpressionError(`synchronization: ${asked[0]?.name} needs a database, and there is none`);
        const wait = shared.acquire(holder, asked, order);
        if (wait) return wait;
      }
      for (const { name, limit } of requests) {
        const lock = locks.get(name) ?? { holders: new Set(), limit, waiting: new Map() };
        lock.limit = limit;
        locks.set(name, lock);
        lock.waiting.set(holder, order);
      }
      for (const request of requests) {
        const lock = locks.get(request.name) as Lock;
        const next = first(lock).slice(0, Math.max(0, lock.limit - lock.holders.size));
        if (!next.some(([waiter]) => waiter === holder)) {
          return { request, holders: [...lock.holders], limit: lock.limit };
        }
      }
      for (const { name } of requests) {
        const lock = locks.get(name) as Lock;
        lock.waiting.delete(holder);
        lock.holders.add(holder);
      }
      held.set(
        holder,
        all.map(({ name }) => name),
      );
      return undefined;
    },
    release(holder) {
      shared?.release(holder);
      if (locks.size === 0) {
        held.delete(holder);
        return;
      }
      const names = held.get(holder) ?? [];
      held.delete(holder);
      const woken = new Set<string>();
      for (const [name, lock] of locks) {
        const changed = lock.holders.delete(holder) || lock.waiting.delete(holder);
        if (changed || names.includes(name)) for (const [waiter] of first(lock)) woken.add(waiter);
        if (lock.holders.size === 0 && lock.waiting.size === 0) locks.delete(name);
      }
      for (const waiter of woken) wake(waiter);
    },
    releaseAll(prefix) {
      const waiting = [...locks.values()].flatMap((lock) => [...lock.waiting.keys()]);
      const known = new Set([...held.keys(), ...waiting, ...(shared?.holders() ?? [])]);
      for (const holder of known) if (holder.startsWith(prefix)) table.release(holder);
    },
    look(prefix) {
      for (const [name, { waiting }] of locks) {
        if (name.startsWith(prefix)) for (const waiter of waiting.keys()) wake(waiter);
      }
    },
    holds: (holder) => held.has(holder),
    adopt(holder, names) {
      for (const name of names) {
        if (name.split("/")[1] === "Database") {
          shared?.adopt(holder);
          continue;
        }
        const lock = locks.get(name) ?? { holders: new Set(), limit: 1, waiting: new Map() };
        lock.holders.add(holder);
        locks.set(name, lock);
      }
      held.set(holder, names);
    },
  };
  return table;
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
