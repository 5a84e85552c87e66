import { deferred, sleep } from "@capstan/base/async";

/** How long a command may take to start before the next one of its container is let go. */
const startMs = 10_000;

/**
 * Which process a command of a container is: CRI does not say, but containerd tells of each that starts. Commands of one
 * container start one after another, so that the next process told of is the one that was asked for.
 */
export class ExecStarts {
  /** Whether the runtime tells of them; where it does not, nothing waits. */
  told = false;
  readonly #last = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, (pid: number) => void>();

  /** A further process of a container was started. */
  started(containerId: string, pid: number): void {
    this.#waiting.get(containerId)?.(pid);
  }

  /**
   * @param begin asks for the command; `over` settles when it has ended or could not be started.
   * @param onStart gets the process's number, as the node counts.
   */
  async run<T>(
    containerId: string,
    begin: () => Promise<{ value: T; over: Promise<unknown> }>,
    onStart: (pid: number) => void = () => undefined,
  ): Promise<T> {
    if (!this.told) return (await begin()).value;
    const before = this.#last.get(containerId);
    const settled = deferred();
    this.#last.set(containerId, settled.promise);
    await before;
    const late = new AbortController();
    const notice = (pid: number) => {
      onStart(pid);
      release();
    };
    const release = () => {
      late.abort();
      if (this.#waiting.get(containerId) === notice) this.#waiting.delete(containerId);
      if (this.#last.get(containerId) === settled.promise) this.#last.delete(containerId);
      settled.resolve();
    };
    this.#waiting.set(containerId, notice);
    void sleep(startMs, late.signal).then(release);
    try {
      const { value, over } = await begin();
      over.then(release, release);
      return value;
    } catch (error) {
      release();
      throw error;
    }
  }
}
