// Informers, work queues and controllers: a reconciler takes a key, reads the world from caches, and makes it so.
export type { Controller, ControllerOptions, Reconcile, Result, Source } from "./controller.ts";
export { createElector, type Elector, type ElectorOptions } from "./elector.ts";
export { TerminalError } from "./error.ts";
export type { Informer, InformerHandler, Informers } from "./informer.ts";
export { createInformers } from "./informers.ts";
export type { LaneOptions } from "./lanes.ts";
export { createRecorder, type EventSubject, type Recorder, type RecorderOptions } from "./recorder.ts";
export { createController } from "./run.ts";
export { WorkQueue } from "./work-queue.ts";
