// From a rule to the address of a pod: a backend by weight, then a ready endpoint by turns.
import { backendProblem } from "./reference.ts";
import type { Backend, Rule } from "./route-table.ts";
import type { World } from "./world.ts";

export interface Address {
  host: string;
  port: number;
}

export interface Choice {
  backend: Backend;
  /** Ready endpoints in the order to try them; empty when there is none. */
  addresses: Address[];
  /** The backend itself cannot be used. */
  problem?: string;
}

export interface Balancer {
  /** Undefined when the rule has no backend, or all weights are 0. */
  choose(rule: Rule): Choice | undefined;
}

/** @param random in [0, 1), for the weights. */
export function createBalancer(world: World, random: () => number = Math.random): Balancer {
  const turns = new Map<string, number>();
  return {
    choose({ backends, route }) {
      const backend = pickByWeight(backends, random());
      if (!backend) return undefined;
      const problem = backendProblem(backend.ref, route.metadata.namespace ?? "", world);
      if (problem) return { backend, addresses: [], problem: problem.message };
      const addresses = readyAddresses(backend, world);
      const key = `${backend.namespace}/${backend.ref.name}:${backend.ref.port}`;
      const turn = (turns.get(key) ?? 0) % Math.max(1, addresses.length);
      turns.set(key, turn + 1);
      return { backend, addresses: [...addresses.slice(turn), ...addresses.slice(0, turn)] };
    },
  };
}

export function pickByWeight(backends: readonly Backend[], random: number): Backend | undefined {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  let left = random * total;
  return backends.find(({ weight }) => {
    left -= weight;
    return weight > 0 && left < 0;
  });
}

function readyAddresses({ ref, namespace }: Backend, world: World): Address[] {
  const service = world.service({ namespace, name: ref.name });
  const port = service?.spec?.ports?.find((entry) => entry.port === ref.port);
  const found = world.endpoints({ namespace, name: ref.name }).flatMap((slice) => {
    const at = (slice.ports ?? []).find((entry) => (entry.name ?? "") === (port?.name ?? ""))?.port;
    if (at === undefined) return [];
    // Source: EndpointConditions.ready: absent means ready.
    const ready = slice.endpoints.filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses }) => addresses.slice(0, 1).map((host) => ({ host, port: at })));
  });
  // In the same order for every call, so that turns go round.
  return found.sort((a, b) => a.host.localeCompare(b.host) || a.port - b.port);
}
