// What the engine, which writes a workflow's pods, and the executor, which works in them, agree on: places and words.

/** The volume that a pod's containers share, and the program in it that runs the step's own containers. */
export const sharedPath = "/var/run/argo";
export const argoexecPath = `${sharedPath}/argoexec`;
/** Where a step says how far it is. */
export const progressPath = `${sharedPath}/progress`;
export const scriptPath = "/argo/staging/script";
export const inputArtifactsPath = "/argo/inputs/artifacts";
/** Where init and wait see the main container's volumes. */
export const mainRoot = "/mainctrfs";
/** Where the executor finds the artifact directory, with one directory for each namespace, if the pod has it as a volume. */
export const artifactsPath = "/capstan/artifacts";
/** Termination message of a container of a set that never ran: one that it depends on failed. */
export const dependencyFailed = "a container before it failed";

export interface Wrapping {
  name: string;
  /** Keeps what the command prints where the container `wait` reads it. */
  capture?: boolean;
  /** Paths of its own root that are kept for `wait`. */
  saves?: string[];
  /** Containers that must have ended well before it starts. */
  after?: string[];
  /** How often a command that failed is run again in its container. */
  retries?: Retries | undefined;
}
export interface Retries {
  times: number;
  /** Milliseconds before each. */
  pauseMs: number;
}

const end = "--";
/** Of both numbers of Retries: more than any timer takes. */
export const retriesLimit = 2 ** 31 - 1;

/** The command of a container that is run by argoexec. An empty one stands for the image's own. */
export function wrapCommand(command: string[], { name, capture, saves = [], after = [], retries }: Wrapping): string[] {
  return [
    argoexecPath,
    "emissary",
    `--name=${name}`,
    ...(capture ? ["--capture"] : []),
    ...saves.map((path) => `--save=${path}`),
    ...after.map((one) => `--after=${one}`),
    ...(retries ? [`--retries=${retries.times}`, `--retry-duration=${retries.pauseMs}`] : []),
    end,
    ...command,
  ];
}

export function isWrapped(command: string[] | undefined): boolean {
  return command?.[0] === argoexecPath && command[1] === "emissary";
}

/**
 * What a wrapped command runs, for a node that does the wrapper's work itself; undefined: what the image says. Others stay
 * as they are.
 */
export function unwrapCommand(command: string[]): string[] | undefined {
  if (!isWrapped(command)) return command;
  const own = command.slice(command.indexOf(end) + 1);
  return own.length > 0 ? own : undefined;
}

/** How often a wrapped command is to be run again; undefined: never, or it says what argoexec refuses. */
export function retriesOf(command: string[]): Retries | undefined {
  if (!isWrapped(command)) return undefined;
  const options = command.slice(0, command.indexOf(end));
  const numberOf = (name: string) => {
    const text = options.findLast((option) => option.startsWith(name))?.slice(name.length) ?? "0";
    return /^\d{1,10}$/.test(text) && Number(text) <= retriesLimit ? Number(text) : 0;
  };
  const times = numberOf("--retries=");
  return times > 0 ? { times, pauseMs: numberOf("--retry-duration=") } : undefined;
}
