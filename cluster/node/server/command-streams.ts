// The streams of exec and attach, whatever carries them.
import { messageOf } from "@capstan/base/errors";
import type { ExecSession } from "@capstan/core/runtime";

export interface TerminalSize {
  Width: number;
  Height: number;
}

/** The client's side of a command. */
export interface CommandStreams {
  stdin: AsyncIterable<Uint8Array> | undefined;
  resize: AsyncIterable<TerminalSize>;
  stdout(data: Uint8Array): Promise<void>;
  stderr(data: Uint8Array): Promise<void>;
  /** The last word: a Status as JSON. */
  finish(status: string): Promise<void>;
  /** Resolves when the client has gone. */
  closed: Promise<void>;
}

/** Joins both sides until the command has ended or the client has gone; a command without its client is killed. */
export async function relay(session: ExecSession, streams: CommandStreams): Promise<void> {
  let gone = false;
  void streams.closed.then(() => {
    gone = true;
    session.kill();
  });
  void pumpInput(session, streams);
  void pumpSizes(session, streams);
  const outputs = [pump(session.stdout, streams.stdout), pump(session.stderr, streams.stderr)];
  try {
    const code = await session.exited;
    await Promise.all(outputs);
    if (!gone) await streams.finish(JSON.stringify(statusOf(code)));
  } catch (error) {
    if (!gone) await streams.finish(JSON.stringify(failure(messageOf(error))));
  }
}

async function pump(from: AsyncIterable<Uint8Array>, to: (data: Uint8Array) => Promise<void>): Promise<void> {
  for await (const data of from) await to(data);
}

async function pumpInput(session: ExecSession, { stdin }: CommandStreams): Promise<void> {
  if (!stdin || !session.write) return;
  try {
    for await (const data of stdin) await session.write(data);
  } catch (error) {
    // A command may close its input before it has read all of it.
    if (!closed.includes((error as NodeJS.ErrnoException).code ?? "")) session.kill();
  } finally {
    session.endInput?.();
  }
}

const closed = ["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"];

async function pumpSizes(session: ExecSession, { resize }: CommandStreams): Promise<void> {
  for await (const { Width, Height } of resize) await session.resize(Width, Height);
}

// Source: k8s.io/kubernetes staging/src/k8s.io/kubelet/pkg/cri/streaming/remotecommand.
function statusOf(code: number) {
  const head = { metadata: {} };
  if (code === 0) return { ...head, status: "Success" };
  const message = `command terminated with non-zero exit code: command terminated with exit code ${code}`;
  const causes = [{ reason: "ExitCode", message: String(code) }];
  return { ...head, status: "Failure", message, reason: "NonZeroExitCode", details: { causes } };
}

function failure(message: string) {
  return { metadata: {}, status: "Failure", message, reason: "InternalError", code: 500 };
}
