import type { Event, ObjectReference } from "@capstan/api/generated/core-v1";
import { Events } from "@capstan/api/generated/resources";
import { isReason, type KubeObject } from "@capstan/api/meta";
import { type Logger, silent } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";

export interface RecorderOptions {
  /** Shown as the event's source, such as `replicaset-controller`. */
  component: string;
  host?: string;
  log?: Logger;
  /** Milliseconds since 1970; default Date.now. */
  now?: () => number;
}

/** Tells people what happened to an object, as events of it. Recording never fails and never waits. */
export interface Recorder {
  normal(about: EventSubject, reason: string, message: string, annotations?: Record<string, string>): void;
  warning(about: EventSubject, reason: string, message: string, annotations?: Record<string, string>): void;
  /** Resolves when what was recorded so far has been written. */
  flush(): Promise<void>;
}

/** An object, perhaps a part of it (`spec.containers{web}`). */
export type EventSubject = Pick<KubeObject, "apiVersion" | "kind" | "metadata"> & { fieldPath?: string };

/** Limits as in client-go's event correlator: per object 25 at once, then one in five minutes; 4096 remembered. */
const burst = 25;
const refillMs = 300_000;
const remembered = 4096;
const longestMessage = 1024;

interface Seen {
  name: string;
  namespace: string;
  count: number;
  first: string;
}
interface Told {
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  annotations: Record<string, string> | undefined;
}
interface Bucket {
  tokens: number;
  at: number;
}

export function createRecorder(client: Client, options: RecorderOptions): Recorder {
  const { component, host, log = silent, now = Date.now } = options;
  const seen = new Map<string, Seen>();
  const buckets = new Map<string, Bucket>();
  let tail: Promise<void> = Promise.resolve();
  let made = 0;

  const allow = (uid: string): boolean => {
    const bucket = buckets.get(uid) ?? { tokens: burst, at: now() };
    bucket.tokens = Math.min(burst, bucket.tokens + (now() - bucket.at) / refillMs);
    bucket.at = now();
    keep(buckets, uid, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  };
  const write = async (about: EventSubject, { type, reason, message, annotations }: Told) => {
    const time = new Date(now()).toISOString().replace(/\.\d+Z$/, "Z");
    const id = JSON.stringify([
      about.metadata.uid,
      about.kind,
      about.metadata.name,
      about.fieldPath,
      type,
      reason,
      message,
    ]);
    const known = seen.get(id);
    if (known) {
      known.count++;
      keep(seen, id, known);
      if (await repeat(client, known, time)) return;
    }
    const namespace = about.metadata.namespace ?? "default";
    const stamp = (BigInt(now()) * 1_000_000n + BigInt(made++ % 1_000_000)).toString(16);
    const name = `${about.metadata.name}.${stamp}`;
    keep(seen, id, { name, namespace, count: 1, first: time });
    const source = host === undefined ? { component } : { component, host };
    const times = { firstTimestamp: time, lastTimestamp: time, count: 1 };
    const event: Event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace, ...(annotations ? { annotations } : {}) },
      involvedObject: referenceTo(about),
      type,
      reason,
      message,
      source,
      ...times,
      reportingComponent: component,
      reportingInstance: host ?? "",
    };
    await client.create(Events, event);
  };
  const record = (about: EventSubject, told: Told) => {
    const { reason, message } = told;
    if (!allow(about.metadata.uid ?? about.metadata.name)) return;
    const text = message.length > longestMessage ? `${message.slice(0, longestMessage - 3)}...` : message;
    tail = tail
      .then(() => write(about, { ...told, message: text }))
      .catch((error: unknown) => {
        // A namespace that is going takes no events any more: nobody will look for them.
        const gone = isReason(error, "Forbidden", "NotFound");
        log[gone ? "debug" : "warn"]("an event could not be recorded", { reason, error });
      });
  };
  return {
    normal: (about, reason, message, annotations) => record(about, { type: "Normal", reason, message, annotations }),
    warning: (about, reason, message, annotations) => record(about, { type: "Warning", reason, message, annotations }),
    flush: () => tail,
  };
}

/** Counts the event up; false when it is gone. */
async function repeat(client: Client, { name, namespace, count }: Seen, time: string): Promise<boolean> {
  try {
    await client.patch(Events, { namespace, name }, { type: "merge", body: { count, lastTimestamp: time } });
    return true;
  } catch (error) {
    if (isReason(error, "NotFound")) return false;
    throw error;
  }
}

function referenceTo({ apiVersion, kind, metadata, fieldPath }: EventSubject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  const reference: ObjectReference = { apiVersion, kind, name };
  if (namespace) reference.namespace = namespace;
  if (uid) reference.uid = uid;
  if (resourceVersion) reference.resourceVersion = resourceVersion;
  if (fieldPath) reference.fieldPath = fieldPath;
  return reference;
}

/** Makes the entry the newest, and drops the oldest beyond what is remembered. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= remembered) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
