import { createLogger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { createInformers } from "@capstan/core/reconcile";
import { createWorkflowController } from "@capstan/operators/workflow";

/** Runs until the signal aborts; what goes wrong is printed. */
export async function runOperator(client: Client, signal: AbortSignal): Promise<void> {
  const log = createLogger((record) => console.error(JSON.stringify(record)), "warn");
  const informers = createInformers(client, { log });
  const controller = createWorkflowController({ client, informers, log });
  await Promise.all([informers.start(signal), controller.start(signal)]);
}
