// What a runtime says of sandboxes and containers, as the seam has it.
import type { ContainerStatus, PodSandbox } from "../cri.ts";
import type {
  ContainerStatus as ContainerMessage,
  PodSandboxStatus as SandboxMessage,
  ContainerState as StateMessage,
} from "./generated/runtime-v1.ts";
import type { ContainerRecord, SandboxRecord } from "./records.ts";

export function sandboxStatus(message: SandboxMessage, { config }: SandboxRecord): PodSandbox {
  return {
    id: message.id ?? "",
    config,
    state: message.state === "SANDBOX_READY" ? "ready" : "notready",
    createdAt: dateOf(message.createdAt) ?? new Date(0),
    ip: config.namespaces.hostNetwork ? "" : (message.network?.ip ?? ""),
  };
}

const states: Record<StateMessage, ContainerStatus["state"]> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  // The runtime lost what it knew of the container: nothing can be done with it any more.
  CONTAINER_UNKNOWN: "exited",
};

/** @param runtime the program that answers. */
export function containerStatus(message: ContainerMessage, record: ContainerRecord, runtime: string): ContainerStatus {
  const { sandboxId, config, imageId } = record;
  const state = states[message.state ?? "CONTAINER_UNKNOWN"];
  const status: ContainerStatus = {
    id: message.id ?? "",
    runtime,
    sandboxId,
    config,
    imageId,
    state,
    createdAt: dateOf(message.createdAt) ?? new Date(0),
  };
  const startedAt = dateOf(message.startedAt);
  if (startedAt) status.startedAt = startedAt;
  if (state !== "exited") return status;
  status.finishedAt = dateOf(message.finishedAt) ?? new Date();
  status.exitCode = message.state === "CONTAINER_UNKNOWN" ? 255 : (message.exitCode ?? 0);
  status.reason = reasonOf(message, status.exitCode);
  if (message.message) status.message = message.message;
  return status;
}

function reasonOf({ reason, state }: ContainerMessage, exitCode: number): string {
  // containerd's word for containers whose end it did not see, because the node or it was stopped.
  if (state === "CONTAINER_UNKNOWN" || (reason === "Unknown" && exitCode === 255)) return "Interrupted";
  return reason || (exitCode === 0 ? "Completed" : "Error");
}

/** @param nanoseconds since 1970; zero is absent. */
function dateOf(nanoseconds: number | undefined): Date | undefined {
  return nanoseconds ? new Date(nanoseconds / 1e6) : undefined;
}
