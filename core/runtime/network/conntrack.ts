import { findTool, run } from "../oci/command.ts";

/** Datagrams that the kernel leads to an endpoint because earlier ones were. */
export interface UdpFlow {
  /** The address that clients ask. */
  host: string;
  port: number;
  /** Only those to this endpoint. */
  endpoint?: string;
}

/** What lacks for `forgetUdp`; undefined when nothing does. */
export function conntrackMissing(): string | undefined {
  if (findTool("conntrack")) return undefined;
  return "UDP clients stay with an endpoint that is gone until they pause: install conntrack";
}

/** Lets the kernel choose anew for clients that go on asking. @returns what lacks for that; undefined when nothing does. */
export async function forgetUdp(flows: UdpFlow[]): Promise<string | undefined> {
  const conntrack = findTool("conntrack");
  if (!conntrack) return conntrackMissing();
  for (const { host, port, endpoint } of flows) {
    const of = ["-D", "-p", "udp", "--orig-dst", host, "--orig-port-dst", String(port)];
    // Exit code 1: there was none.
    const { code, stderr } = await run(conntrack, endpoint ? [...of, "--reply-src", endpoint] : of);
    if (code > 1) return `conntrack: ${stderr.trim()}`;
  }
  return undefined;
}
