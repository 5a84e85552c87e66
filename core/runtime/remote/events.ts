// How the agent learns of changes: CRI's own stream, containerd's, or by asking for all where a runtime has neither.
import { sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import protobuf from "protobufjs/light.js";
import { RuntimeError } from "../cri.ts";
import type { Connection } from "./connection.ts";

export interface EventHandlers {
  /** A sandbox or container, of this instance or not, has changed. */
  changed(id: string): void;
  /** As changed, before the runtime itself may have taken note of it. */
  ending(id: string): void;
  /** Anything may have changed. */
  all(): Promise<void>;
  images(): void;
  /** A further process was started in a container. */
  command(containerId: string, pid: number): void;
  /** Whether commands are told of. */
  commands(told: boolean): void;
}

/** Where nothing tells of changes. Source: the kubelet's relist period. */
const relistMs = 1000;
/** Subscribing has no answer: what changed meanwhile is seen by looking once more. */
const settleMs = 500;
const retryMs = 200;

/** Runs until the signal aborts; comes back after a restart of the runtime. */
export async function followEvents(
  connection: Connection,
  handlers: EventHandlers,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let told = false;
  while (!signal.aborted) {
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    try {
      const sources = [followCri(connection, handlers, both), followContainerd(connection, handlers, both)];
      const streams = Promise.all(sources.map(supported)).then(async (known) => {
        if (known.every((has) => !has)) await relist(handlers, both);
      });
      const look = async () => {
        await handlers.all();
        handlers.images();
        await sleep(settleMs, both);
        if (!both.aborted) await handlers.all();
        if (told) log.info("the container runtime is back");
        told = false;
      };
      await Promise.all([streams, look()]);
    } catch (error) {
      if (signal.aborted) return;
      if (!told) log.warn("the container runtime does not answer", { error });
      told = true;
    } finally {
      over.abort();
    }
    await sleep(retryMs, signal);
  }
}

/** False when the runtime has no such stream; one that ends has been broken off. */
async function supported(stream: Promise<void>): Promise<boolean> {
  try {
    await stream;
    return true;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "Unsupported") return false;
    throw error;
  }
}

async function relist(handlers: EventHandlers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(relistMs, signal);
    if (!signal.aborted) await handlers.all();
  }
}

async function followCri(connection: Connection, handlers: EventHandlers, signal: AbortSignal): Promise<void> {
  const events = connection.stream("runtime.v1.RuntimeService/GetContainerEvents", {}, signal);
  for await (const { containerId, containersStatuses, podSandboxStatus } of events) {
    const all = [containerId, podSandboxStatus?.id, ...(containersStatuses ?? []).map(({ id }) => id)];
    for (const id of new Set(all)) if (id) handlers.changed(id);
  }
}

async function followContainerd(connection: Connection, handlers: EventHandlers, signal: AbortSignal): Promise<void> {
  const filters = [
    "/tasks/exit",
    "/tasks/oom",
    "/tasks/exec-started",
    "/containers/delete",
    "/images/create",
    "/images/update",
    "/images/delete",
  ];
  const events = connection.stream(
    "containerd.services.events.v1.Events/Subscribe",
    { filters: filters.map((topic) => `topic=="${topic}",namespace=="k8s.io"`) },
    signal,
  );
  handlers.commands(true);
  try {
    for await (const { topic = "", event } of events) {
      if (topic.startsWith("/images/")) {
        handlers.images();
        continue;
      }
      const { container, process, pid } = readTask(event?.value ?? new Uint8Array(0));
      if (!container) continue;
      if (topic === "/tasks/exec-started") handlers.command(container, pid);
      else if (topic !== "/tasks/exit") handlers.changed(container);
      else if (process === container) handlers.ending(container);
    }
  } finally {
    handlers.commands(false);
  }
}

/** What these events have in common: field 1 is the container, 2 the process's own id and 3 its number. */
function readTask(message: Uint8Array): { container: string; process: string; pid: number } {
  const reader = protobuf.Reader.create(message);
  const found = { container: "", process: "", pid: 0 };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) found.container = reader.string();
    else if (tag === 0x12) found.process = reader.string();
    else if (tag === 0x18) found.pid = reader.uint32();
    else reader.skipType(tag & 7);
  }
  return found;
}
