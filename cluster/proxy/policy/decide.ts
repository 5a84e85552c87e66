// Whether a connection may be made: for traffic that the service proxy passes on in user space.
import { contains, parseCidr } from "@capstan/core/runtime";
import type { Compiled, CompiledRule, Direction, PortMatch } from "./compile.ts";

export interface Connection {
  /** Address of the client, and of the endpoint that was chosen for it. */
  source: string;
  destination: string;
  port: number;
  protocol: "tcp" | "udp";
}

/** A pod always reaches itself. */
export function allowsConnection(compiled: Compiled, connection: Connection): boolean {
  const { source, destination } = connection;
  if (source === destination) return true;
  return (
    passes(compiled, "egress", source, destination, connection) &&
    passes(compiled, "ingress", destination, source, connection)
  );
}

function passes(compiled: Compiled, direction: Direction, own: string, other: string, connection: Connection): boolean {
  const policies = compiled.isolated[direction].get(own);
  if (!policies) return true;
  return policies.some((policy) =>
    (compiled.rules[direction].get(policy) ?? []).some((rule) => fits(rule, other, connection)),
  );
}

function fits({ peers, ports }: CompiledRule, other: string, connection: Connection): boolean {
  const fine =
    !peers ||
    peers.addresses.has(other) ||
    peers.blocks.some(({ cidr, except }) => isIn(cidr, other) && !except.some((one) => isIn(one, other)));
  return fine && (!ports || ports.some((one) => isPort(one, connection)));
}

const isIn = (cidr: string, address: string) => contains(parseCidr(cidr), address);

function isPort({ protocol, range, named }: PortMatch, connection: Connection): boolean {
  if (protocol !== connection.protocol) return false;
  if (named) return named.has(`${connection.destination} ${connection.port}`);
  return !range || (connection.port >= range[0] && connection.port <= range[1]);
}
