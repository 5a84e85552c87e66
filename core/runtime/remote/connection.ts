// One gRPC connection to a container runtime's socket. It comes back by itself when the runtime was restarted.
import { accessSync, constants, existsSync } from "node:fs";
import { createQueue } from "@capstan/base/async";
import { Client, connectivityState, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { RuntimeError, type RuntimeErrorCode } from "../cri.ts";
import { type Methods, openCodecs } from "./wire-format.ts";

export interface CallOptions {
  /** Milliseconds; default two minutes, as the kubelet's runtimeRequestTimeout. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Connection {
  /** Absolute path of the socket. */
  readonly socket: string;
  /** @throws RuntimeError */
  call<M extends keyof Methods>(
    method: M,
    request: Methods[M]["request"],
    options?: CallOptions,
  ): Promise<Methods[M]["response"]>;
  /** Messages of the runtime as they come; ends with the signal. @throws RuntimeError when the runtime breaks off. */
  stream<M extends keyof Methods>(
    method: M,
    request: Methods[M]["request"],
    signal: AbortSignal,
  ): AsyncIterable<Methods[M]["response"]>;
  close(): void;
}

const callMs = 120_000;
// How long a call waits for a runtime that is being restarted.
const readyMs = 15_000;

/** Path of the socket in `unix:///path` or `/path`. @throws RuntimeError InvalidArgument */
export function socketOf(endpoint: string): string {
  const path = endpoint.replace(/^unix:(\/\/)?(?=\/)/, "");
  if (!path.startsWith("/")) {
    throw new RuntimeError(
      "InvalidArgument",
      `runtime endpoint "${endpoint}": it must be a socket, such as unix:///run/containerd/containerd.sock`,
    );
  }
  return path;
}

/** Connects when first called. */
export function openConnection(socket: string): Connection {
  const codecOf = openCodecs();
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2000,
  });
  const metadata = new Metadata();
  // CRI keeps its containers in this namespace of containerd; CRI itself heeds no header.
  metadata.set("containerd-namespace", "k8s.io");
  const ready = () => {
    if (client.getChannel().getConnectivityState(true) === connectivityState.READY) return Promise.resolve();
    return new Promise<void>((resolve, reject) =>
      client.waitForReady(Date.now() + readyMs, (error) => (error ? reject(unreachable(socket)) : resolve())),
    );
  };
  return {
    socket,
    async call(method, request, { timeoutMs = callMs, signal } = {}) {
      await ready();
      const { path, request: sending, response: receiving } = codecOf(method);
      return await new Promise((resolve, reject) => {
        const deadline = Date.now() + timeoutMs;
        const sent = client.makeUnaryRequest(
          path,
          sending.encode,
          receiving.decode,
          request,
          metadata,
          { deadline },
          (error, answer) => {
            signal?.removeEventListener("abort", cancel);
            if (error) reject(runtimeError(error, path, socket));
            else resolve(answer as object);
          },
        );
        const cancel = () => sent.cancel();
        signal?.addEventListener("abort", cancel, { once: true });
        if (signal?.aborted) cancel();
      });
    },
    async *stream(method, request, signal) {
      await ready();
      const { path, request: sending, response: receiving } = codecOf(method);
      const queue = createQueue<object>();
      const sent = client.makeServerStreamRequest(path, sending.encode, receiving.decode, request, metadata);
      const cancel = () => sent.cancel();
      sent.on("data", (message: object) => queue.push(message));
      sent.on("end", () => queue.end());
      sent.on("error", (error: ServiceError) =>
        queue.end(signal.aborted ? undefined : runtimeError(error, path, socket)),
      );
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
      try {
        yield* queue;
      } finally {
        signal.removeEventListener("abort", cancel);
        cancel();
      }
    },
    close: () => client.close(),
  };
}

function unreachable(socket: string): RuntimeError {
  if (existsSync(socket) && !writable(socket)) {
    return new RuntimeError("Failed", `the container runtime at ${socket} is not for this user: run Capstan as root`);
  }
  const why = existsSync(socket) ? "nothing answers on the socket" : "there is no such socket";
  return new RuntimeError(
    "Failed",
    `cannot reach the container runtime at ${socket}: ${why}. Start it (systemctl start containerd), or name another socket`,
  );
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return false;
    throw error;
  }
}

const codes: Partial<Record<status, RuntimeErrorCode>> = {
  [status.NOT_FOUND]: "NotFound",
  [status.INVALID_ARGUMENT]: "InvalidArgument",
  [status.DEADLINE_EXCEEDED]: "Timeout",
  [status.UNIMPLEMENTED]: "Unsupported",
};

function runtimeError(error: ServiceError, path: string, socket: string): RuntimeError {
  const method = path.split("/").at(-1) ?? path;
  if (error.code === status.UNAVAILABLE) {
    return new RuntimeError("Failed", `the container runtime at ${socket} broke off ${method}: ${error.details}`);
  }
  return new RuntimeError(codes[error.code] ?? "Failed", error.details || `${method} failed with status ${error.code}`);
}
