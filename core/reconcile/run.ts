import { isReason, type KubeObject, keyOf, type ObjectRef, parseKey, refOf } from "@capstan/api/meta";
import { aborted } from "@capstan/base/async";
import type { Controller, ControllerOptions, Source } from "./controller.ts";
import { TerminalError } from "./error.ts";
import { WorkQueue } from "./work-queue.ts";

/** A controller of the given reconciler. */
export function createController(options: ControllerOptions): Controller {
  const { name, informers, sources, lanes, workers = 4 } = options;
  const queue = new WorkQueue(undefined, lanes);
  const enqueue = (ref: ObjectRef) => queue.add(keyOf(ref));
  return {
    name,
    enqueue,
    async start(signal) {
      const subscriptions = sources.map((source) => subscribe(source, options, enqueue));
      await Promise.race([
        Promise.all(sources.map(({ resource }) => informers.informer(resource).synced())),
        aborted(signal),
      ]);
      const close = () => queue.close();
      signal.addEventListener("abort", close, { once: true });
      if (signal.aborted) close();
      await Promise.all(Array.from({ length: workers }, () => work(queue, options, signal)));
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}

function subscribe<T extends KubeObject>(
  { resource, keys, when }: Source<T>,
  { informers }: ControllerOptions,
  enqueue: (ref: ObjectRef) => void,
): () => void {
  return informers.informer(resource).onChange((change) => {
    if (when && !when(change)) return;
    if (!keys) return enqueue(refOf(change.object));
    for (const ref of keys(change.object)) enqueue(ref);
    // A change of what the object points at concerns the key it pointed at before as well.
    if (change.type === "MODIFIED" && change.old) for (const ref of keys(change.old)) enqueue(ref);
  });
}

async function work(queue: WorkQueue, options: ControllerOptions, signal: AbortSignal): Promise<void> {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    queue.done(key, await reconcile(queue, key, options, signal));
  }
}

/** Gives how long the key rests, in milliseconds. */
async function reconcile(
  queue: WorkQueue,
  key: string,
  { name, reconcile: once, log }: ControllerOptions,
  signal: AbortSignal,
): Promise<number> {
  try {
    const result = await once(parseKey(key), signal);
    queue.forget(key);
    if (result?.requeueAfter !== undefined) queue.addAfter(key, result.requeueAfter);
    return result?.rest ?? 0;
  } catch (error) {
    if (signal.aborted) return 0;
    if (error instanceof TerminalError) {
      queue.forget(key);
      log.error("reconciling failed for good", { controller: name, key, error });
      return 0;
    }
    // The copy was behind: what changed is on its way.
    const stale = isReason(error, "Conflict", "NotFound");
    log[stale ? "debug" : "warn"]("reconciling failed and is tried again", { controller: name, key, error });
    queue.retry(key);
    return 0;
  }
}
