import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { createRecorder, type Informers, type Recorder } from "@capstan/core/reconcile";

/** What every controller works with. */
export interface ControllerContext {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Milliseconds since 1970; default Date.now. */
  now?: () => number;
}

/** The context with its defaults, and a recorder of the controller's own name. */
export interface Workshop extends Required<ControllerContext> {
  recorder: Recorder;
  /** The present second as the API writes it. */
  timestamp(): string;
}

export function openWorkshop(context: ControllerContext, component: string): Workshop {
  const now = context.now ?? Date.now;
  const log = context.log.with({ controller: component });
  const recorder = createRecorder(context.client, { component, log, now });
  return { ...context, log, now, recorder, timestamp: () => formatTime(now()) };
}

/** RFC 3339 with seconds, as metav1.Time. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}
