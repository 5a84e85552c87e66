// How the next connection finds its backend: the schedulers of Linux' ipvs.
// Source: net/netfilter/ipvs/ip_vs_{rr,wrr,lc,wlc,sh,dh,sed,nq}.c.
import type { Backend } from "./backends.ts";

export interface Choice {
  /** Address of the client. */
  source: string;
  /** Address that the client asked for. */
  destination: string;
  /** Connections that a backend has now. */
  active(backend: Backend): number;
}

/** Chooses among at least one backend. */
export type Scheduler = (backends: Backend[], choice: Choice) => Backend;

export const schedulerNames = ["rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq"] as const;
export type SchedulerName = (typeof schedulerNames)[number];

export function isSchedulerName(name: string | undefined): name is SchedulerName {
  return schedulerNames.includes(name as SchedulerName);
}

export function createScheduler(name: SchedulerName): Scheduler {
  switch (name) {
    case "rr":
      return roundRobin();
    case "wrr":
      return weightedRoundRobin();
    case "lc":
      return least((backend, { active }) => active(backend));
    case "wlc":
      return least((backend, { active }) => active(backend) / backend.weight);
    case "sed":
      return shortestDelay;
    case "nq":
      return (backends, choice) => backends.find((one) => choice.active(one) === 0) ?? shortestDelay(backends, choice);
    case "sh":
      return (backends, { source }) => hashed(backends, source);
    case "dh":
      return (backends, { destination }) => hashed(backends, destination);
  }
}

function roundRobin(): Scheduler {
  let next = 0;
  return (backends) => backends[next++ % backends.length] as Backend;
}

/** Smooth: a backend of weight 3 among ones of 1 does not get its three in a row. */
function weightedRoundRobin(): Scheduler {
  const credit = new Map<string, number>();
  return (backends) => {
    const total = backends.reduce((sum, { weight }) => sum + weight, 0);
    let best = backends[0] as Backend;
    for (const backend of backends) {
      const key = keyOf(backend);
      credit.set(key, (credit.get(key) ?? 0) + backend.weight);
      if ((credit.get(key) ?? 0) > (credit.get(keyOf(best)) ?? 0)) best = backend;
    }
    credit.set(keyOf(best), (credit.get(keyOf(best)) ?? 0) - total);
    return best;
  };
}

/** The next connection counts too. */
const shortestDelay: Scheduler = least((backend, { active }) => (active(backend) + 1) / backend.weight);

function least(cost: (backend: Backend, choice: Choice) => number): Scheduler {
  let turn = 0;
  return (backends, choice) => {
    // Equal ones take turns.
    const from = turn++ % backends.length;
    const rotated = [...backends.slice(from), ...backends.slice(0, from)];
    return rotated.reduce((best, one) => (cost(one, choice) < cost(best, choice) ? one : best));
  };
}

/** Rendezvous hashing: a backend that goes moves only its own clients. */
function hashed(backends: Backend[], key: string): Backend {
  return backends.reduce((best, one) => (score(one, key) > score(best, key) ? one : best));
}

function score(backend: Backend, key: string): number {
  // Weighted rendezvous: -weight / ln(u), u uniform in (0, 1).
  const uniform = (fnv(`${key} ${keyOf(backend)}`) + 1) / (2 ** 32 + 2);
  return -backend.weight / Math.log(uniform);
}

/** FNV-1a of 32 bits, mixed so that neighbouring addresses are far apart. */
function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const keyOf = ({ address, port }: Backend) => `${address}:${port}`;
