// Programs of the node that are not containers: bounded in time and in what they print.
import { spawn } from "node:child_process";

export interface ProgramOptions {
  /** What it may take: then it is killed, with all that it started. */
  timeoutMs: number;
  /** Bytes of both of its streams together. */
  outputLimit: number;
  /** Kills it: nobody waits for it any more. */
  signal?: AbortSignal | undefined;
}

export interface ProgramEnd {
  /** Both streams, in the order in which they were written. */
  output: string;
  /** Empty when it ended well; else such as `exit status 1`. */
  failure: string;
}

export type ProgramErrorCode = "NotStarted" | "Timeout" | "TooMuchOutput" | "Aborted";

export class ProgramError extends Error {
  readonly code: ProgramErrorCode;
  constructor(code: ProgramErrorCode, message: string) {
    super(message);
    this.name = "ProgramError";
    this.code = code;
  }
}

/** How long its output may stay open after it has ended: what it leaves in the background may hold it for ever. */
const drainMs = 1000;

/**
 * Runs a program of the node in a process group of its own. One that cannot even be killed, such as one that waits for a
 * dead file server, is left behind. @throws ProgramError
 */
export function runProgram(path: string, args: string[], options: ProgramOptions): Promise<ProgramEnd> {
  const { timeoutMs, outputLimit, signal } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, cwd: "/" });
    const parts: Buffer[] = [];
    let size = 0;
    let late: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      clearTimeout(late);
      signal?.removeEventListener("abort", cancel);
    };
    const fail = (code: ProgramErrorCode, message: string) => {
      end();
      if (child.pid !== undefined) killGroup(child.pid);
      reject(new ProgramError(code, message));
    };
    const cancel = () => fail("Aborted", "it was cut off");
    const timer = setTimeout(() => fail("Timeout", `timeout after ${timeoutMs / 1000}s`), timeoutMs);
    const take = (data: Buffer) => {
      size += data.length;
      if (size <= outputLimit) parts.push(data);
      else fail("TooMuchOutput", `it printed more than ${outputLimit} bytes`);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => fail("NotStarted", `it cannot be run: ${error.message}`));
    let failure = "";
    const finish = () => {
      end();
      resolve({ output: Buffer.concat(parts).toString("utf8"), failure });
    };
    child.on("exit", (code, killed) => {
      failure = code === 0 ? "" : killed ? `killed by ${killed}` : `exit status ${code}`;
      late = setTimeout(finish, drainMs);
    });
    child.on("close", finish);
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted) cancel();
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
