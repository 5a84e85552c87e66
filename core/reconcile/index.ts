// Informers, work queues and controllers: a reconciler takes a key, reads the world from caches, and makes it so.
export type { Controller, ControllerOptions, Reconcile, Result, Source } from "./controller.ts";
export type { Informer, InformerHandler, Informers } from "./informer.ts";
