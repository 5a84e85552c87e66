// One call of a FlexVolume driver: a program that gets arguments and answers with JSON.
// Source: k8s.io/kubernetes pkg/volume/flexvolume driver-call.go.
import { type ProgramEnd, ProgramError, runProgram } from "@capstan/core/runtime";

export interface Capabilities {
  attach: boolean;
  fsGroup: boolean;
  selinuxRelabel: boolean;
}

/** What a driver answers a call with. */
export interface DriverAnswer {
  message: string;
  device: string;
  volumeName: string;
  attached: boolean;
  capabilities: Capabilities;
}

export interface CallOptions {
  /** Default callMs. */
  timeoutMs?: number | undefined;
  /** Ends the driver: nobody waits for it any more. */
  signal?: AbortSignal | undefined;
}

/** The driver has no such call: the node does what is usual instead. */
export class NotSupported extends Error {}

const callMs = 120_000;
/** Bytes of a driver's answer. */
const driverOutputLimit = 64 * 1024;
/** Characters of an unreadable answer that an event repeats. */
const shownOutput = 200;

/** @throws NotSupported; Error in the words of the kubelet's event. */
export async function callDriver(path: string, args: string[], options: CallOptions = {}): Promise<DriverAnswer> {
  const [command = ""] = args;
  const { output, failure } = await run(path, args, options);
  const answer = parse(output);
  if (typeof answer === "string") {
    const detail = failure ? `${failure}, ` : "";
    throw new Error(`${command} command failed, ${detail}invalid output of driver ${path}: ${answer}`);
  }
  const status = text(answer.status);
  if (status === "Not supported") throw new NotSupported(`${command}: Not supported`);
  if (status !== "Success") {
    throw new Error(`${command} command failed, status: ${status}, reason: ${text(answer.message)}`);
  }
  if (failure) throw new Error(`${command} command failed, ${failure}, although it answered Success`);
  return {
    message: text(answer.message),
    device: text(answer.device),
    volumeName: text(answer.volumeName),
    attached: answer.attached === true,
    capabilities: capabilitiesOf(answer.capabilities),
  };
}

/** The kubelet's defaults: a driver that says nothing is taken for one that attaches. */
function capabilitiesOf(value: unknown): Capabilities {
  const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const flag = (name: string) => given[name] !== false;
  return { attach: flag("attach"), fsGroup: flag("fsGroup"), selinuxRelabel: flag("selinuxRelabel") };
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

/** The answer, or what is wrong with it. */
function parse(output: string): Record<string, unknown> | string {
  if (output.trim() === "") return "it printed nothing";
  try {
    const value: unknown = JSON.parse(output);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const answer = value as Record<string, unknown>;
      return typeof answer.status === "string" ? answer : "its status is not a string";
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const shown = output.trim().slice(0, shownOutput);
  return `not a JSON object: ${JSON.stringify(shown)}${shown.length < output.trim().length ? "…" : ""}`;
}

/** Both streams together are the answer, as a driver's errors are. */
async function run(path: string, args: string[], { timeoutMs = callMs, signal }: CallOptions): Promise<ProgramEnd> {
  try {
    return await runProgram(path, args, { timeoutMs, outputLimit: driverOutputLimit, signal });
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const limit = `it printed more than driverOutputLimit = ${driverOutputLimit} bytes`;
    const reason = error.code === "TooMuchOutput" ? limit : error.message;
    throw new Error(`${args[0]} command failed, ${reason}`, { cause: error });
  }
}
