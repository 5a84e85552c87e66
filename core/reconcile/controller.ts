import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Informers } from "./informer.ts";
import type { LaneOptions } from "./lanes.ts";

export interface Result {
  /** Milliseconds until the key is reconciled again even without a change: for deadlines, never for polling. */
  requeueAfter?: number;
  /** Milliseconds for which changes of the key are only collected: for work whose cost grows with what it looks at. */
  rest?: number;
}

/** Makes the world match one object. An error is retried with back-off; a TerminalError is logged and not retried. */
export type Reconcile = (ref: ObjectRef, signal: AbortSignal) => Promise<Result | undefined>;

/** A kind to watch, and which keys each of its objects wakes; without `keys` its own. */
export interface Source<T extends KubeObject = KubeObject> {
  resource: Resource<T>;
  keys?: (object: T) => ObjectRef[];
  /** Skips changes that cannot matter. */
  when?: (change: { type: "ADDED" | "MODIFIED" | "DELETED"; object: T; old?: T }) => boolean;
}

export interface ControllerOptions {
  name: string;
  informers: Informers;
  // biome-ignore lint/suspicious/noExplicitAny: sources of several kinds stand in one list
  sources: Source<any>[];
  reconcile: Reconcile;
  log: Logger;
  /** Keys of different lanes take turns. Default: all are of one. */
  lanes?: LaneOptions;
  /** Keys reconciled at once; a key never runs twice at the same time. Default 4. */
  workers?: number;
}

/** Starts nothing until start(); start resolves when the signal aborted and the last reconcile ended. */
export interface Controller {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  /** Wakes a key from outside the watches. */
  enqueue(ref: ObjectRef): void;
}
