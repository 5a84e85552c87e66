import { aborted, deferred } from "@capstan/base/async";
import type { Handler } from "@capstan/base/http";

export interface Flight {
  handler: Handler;
  /** From now on answers close their connection; resolves when none is in hand, or at the limit. */
  idle(limit: AbortSignal): Promise<void>;
}

/** Counts the requests in hand, so that a server can end between answers. */
export function createFlight(next: Handler): Flight {
  let active = 0;
  let draining = false;
  const empty = deferred();
  const handler: Handler = async (request) => {
    active++;
    try {
      const response = await next(request);
      return draining ? { ...response, headers: { ...response.headers, connection: "close" } } : response;
    } finally {
      active--;
      // After the answer was handed to the socket.
      if (draining && active === 0) setImmediate(empty.resolve);
    }
  };
  const idle = async (limit: AbortSignal) => {
    draining = true;
    if (active > 0) await Promise.race([empty.promise, aborted(limit)]);
  };
  return { handler, idle };
}
