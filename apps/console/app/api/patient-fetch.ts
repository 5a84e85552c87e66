import { backoff, sleep } from "@capstan/base/async";

const retry = { base: 150, cap: 1000 };
const attempts = 4;

/**
 * Fetch that outlives a change of the machine's network, at which browsers drop what they were about to send.
 * Only for requests that may be sent twice. Rejects with TypeError when the server stays out of reach.
 */
export async function patientFetch(url: string, init: RequestInit = {}): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(url, init);
    } catch (error) {
      const { signal } = init;
      if (!(error instanceof TypeError) || signal?.aborted || attempt === attempts - 1) throw error;
      await sleep(backoff(attempt, retry), signal ?? undefined);
    }
  }
}
