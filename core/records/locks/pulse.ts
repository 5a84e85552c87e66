// The controller's heartbeat in a shared database, and its ear for what others free.
import { backoff } from "@capstan/base/async";
import type { Room } from "../open.ts";
import type { Listen } from "../postgres/dialect.ts";
import { beat } from "./acquire.ts";

export interface PulseOptions {
  room: Room;
  listen: Listen;
  /** Called when somebody may get a lock now. */
  told(): void;
  /** Milliseconds. */
  inactiveAfter: number;
}

export interface Pulse {
  /** From the first lock on. */
  begin(): Promise<void>;
  end(): Promise<void>;
}

export function createPulse({ room, listen, told, inactiveAfter }: PulseOptions): Pulse {
  const stop = new AbortController();
  let ear: Promise<AsyncDisposable> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;

  const open = async () => {
    const lost = () => {
      ear = undefined;
      if (!stop.signal.aborted) schedule(backoff(failures++, { base: 500, cap: 30_000 }));
    };
    return listen("capstan_sync", { notified: told, lost });
  };
  const hear = () => {
    ear ??= open().catch((error) => {
      ear = undefined;
      throw error;
    });
    return ear;
  };
  // Waiting controllers that have died meanwhile are out of the queues: after a beat everybody asks again.
  const tick = async () => {
    try {
      await hear();
      await beat(room.db, room.cluster);
      failures = 0;
      schedule(inactiveAfter / 5);
    } catch {
      schedule(backoff(failures++, { base: 500, cap: 30_000 }));
      return;
    }
    told();
  };
  const schedule = (delay: number) => {
    clearTimeout(timer);
    if (!stop.signal.aborted) timer = setTimeout(() => void tick(), delay).unref();
  };
  return {
    async begin() {
      await hear();
      if (!timer) schedule(inactiveAfter / 5);
    },
    async end() {
      stop.abort();
      clearTimeout(timer);
      const [opened] = await Promise.allSettled(ear ? [ear] : []);
      if (opened?.status === "fulfilled") await opened.value[Symbol.asyncDispose]();
    },
  };
}
