// Browsers drop what they were about to send when the machine's network changes: what may be asked twice is asked again.
import { backoff, sleep } from "@capstan/base/async";

const retry = { base: 150, cap: 1000 };
const attempts = 4;

async function patiently<T>(ask: () => Promise<T>, signal?: AbortSignal | null): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof TypeError) || signal?.aborted || attempt === attempts - 1) throw error;
      await sleep(backoff(attempt, retry), signal ?? undefined);
    }
  }
}

/** Fetch for requests that may be sent twice. Rejects with TypeError when the server stays out of reach. */
export function patientFetch(url: string, init: RequestInit = {}): Promise<Response> {
  return patiently(() => fetch(url, init), init.signal);
}

/** A dynamic import. Rejects with TypeError when the code does not arrive. */
export function patientImport<T>(load: () => Promise<T>): Promise<T> {
  return patiently(load);
}
