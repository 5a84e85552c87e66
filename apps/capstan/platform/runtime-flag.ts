/** What `--runtime` may be beside a socket: Capstan's own runtime. */
export const ownRuntimes = ["auto"] as const;

/** Of `--runtime`: Capstan's own runtime, or one that speaks CRI at a socket. */
export type RuntimeFlag = (typeof ownRuntimes)[number] | `cri:${string}`;

const remote = "cri:";

/** Undefined for what is neither. */
export function parseRuntime(text: string): RuntimeFlag | undefined {
  if (text.startsWith(remote) && /^(unix:\/\/)?\/./.test(text.slice(remote.length))) return text as RuntimeFlag;
  return ownRuntimes.find((one) => one === text);
}

/** The socket of a runtime that speaks CRI; undefined for Capstan's own. */
export function endpointOf(flag: RuntimeFlag): string | undefined {
  return flag.startsWith(remote) ? flag.slice(remote.length) : undefined;
}
