/** What `--runtime` may be beside a socket: Capstan's own runtime, and what it makes containers with. */
export const ownRuntimes = ["auto", "runc", "unshare"] as const;

/** Of `--runtime`: Capstan's own runtime, or one that speaks CRI at a socket. */
export type RuntimeFlag = (typeof ownRuntimes)[number] | `cri:${string}`;

const remote = "cri:";

/** Undefined for what is neither. */
export function parseRuntime(text: string): RuntimeFlag | undefined {
  if (text.startsWith(remote) && /^(unix:\/\/)?\/./.test(text.slice(remote.length))) return text as RuntimeFlag;
  return ownRuntimes.find((one) => one === text);
}

/** What Capstan's own runtime makes containers with; undefined for another runtime. */
export function launcherOf(flag: RuntimeFlag): (typeof ownRuntimes)[number] | undefined {
  return ownRuntimes.find((one) => one === flag);
}

/** The socket of a runtime that speaks CRI; undefined for Capstan's own. */
export function endpointOf(flag: RuntimeFlag): string | undefined {
  return flag.startsWith(remote) ? flag.slice(remote.length) : undefined;
}
