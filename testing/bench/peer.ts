// The API server against kube-apiserver with etcd: the same requests over TLS, in turns, in one run.
import { setTimeout as wait } from "node:timers/promises";
import { findPrograms, startKubernetes } from "../peers/kube-apiserver/start.ts";
import { type Load, measureCreates, measureGets, measureLists, openLoad, openWatchers } from "./api-load.ts";
import { type ApiServerProcess, type Start, startCapstan, startServer } from "./api-servers.ts";
import { type Figure, quantile, type Wanted } from "./report.ts";

const clients = 64;
const watchers = 1000;
const idleSeconds = 5;
/** Both servers take turns: what else the machine does meets both. A figure is the median of its rounds. */
const rounds = 5;
const podsEach = 1000;
const getsEach = 3000;
const listsEach = 3;
const watchRounds = 15;
const writesEach = 10;

type Key = "start" | "memory" | "creates" | "gets" | "lists" | "watch";
type Measured = Record<Key, number[]>;

const names: Record<Key, [name: string, unit: string, wanted?: Wanted]> = {
  start: ["start → /readyz", "s"],
  memory: [`RSS after ${idleSeconds} s idle, empty`, "MB", { most: 1 / 3 }],
  creates: [`creates, ${clients} clients`, "/s", { least: 3 }],
  gets: [`GET, ${clients} clients`, "/s", { least: 2 }],
  lists: [`LIST of ${rounds * podsEach} pods`, "ms", { most: 1 / 3 }],
  watch: [`write → event at each of ${watchers} watchers, p99`, "ms", { most: 1 / 2 }],
};

/** Empty, with a message, when the peer's programs are not given. */
export async function measurePeer(): Promise<Figure[]> {
  const programs = findPrograms();
  if (!programs) {
    console.log("peer: skipped: CAPSTAN_KUBE_APISERVER and CAPSTAN_ETCD name no programs; build.sh makes them");
    return [];
  }
  // The first start of a checkout compiles its modules; those after find them.
  await (await startServer(startCapstan))[Symbol.asyncDispose]();
  const empty = (): Measured => ({ start: [], memory: [], creates: [], gets: [], lists: [], watch: [] });
  const [ours, theirs] = [empty(), empty()];
  await using server = await startIdle(startCapstan, ours);
  await using peer = await startIdle(
    (root, authority, port) => startKubernetes(programs, root, authority, port),
    theirs,
  );
  using load = await openLoad(server.target, clients);
  using peerLoad = await openLoad(peer.target, clients);
  const both: [Load, Measured][] = [
    [peerLoad, theirs],
    [load, ours],
  ];
  const inTurns = async (times: number, run: (load: Load, measured: Measured) => Promise<void>) => {
    for (let i = 0; i < times; i++) for (const [one, measured] of both) await run(one, measured);
  };
  await inTurns(rounds, async (one, { creates }) => void creates.push(await measureCreates(one, podsEach)));
  await inTurns(rounds, async (one, { gets }) => void gets.push(await measureGets(one, getsEach)));
  await inTurns(rounds, async (one, { lists }) => void lists.push(...(await measureLists(one, listsEach))));
  using watching = await openWatchers(load, watchers);
  using peerWatching = await openWatchers(peerLoad, watchers);
  await inTurns(watchRounds, async (one, { watch }) => {
    watch.push(...(await (one === load ? watching : peerWatching).measure(writesEach)));
  });
  return (Object.keys(names) as Key[]).map((key) => {
    const [name, unit, wanted] = names[key];
    const share = key === "watch" ? 0.99 : 0.5;
    const samples = key === "watch" ? [quantile(ours[key], share)] : ours[key];
    const value = quantile(theirs[key], share);
    return { name, unit, samples, peer: { name: "kube-apiserver and etcd", value, wanted } };
  });
}

async function startIdle(start: Start, { start: starts, memory }: Measured): Promise<ApiServerProcess> {
  const server = await startServer(start);
  starts.push(server.seconds);
  await wait(idleSeconds * 1000);
  memory.push(server.megabytes());
  return server;
}
