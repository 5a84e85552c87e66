// What is asked of an API server to measure it; the same bytes for whichever server answers.
import { type Connection, type LoadTarget, openConnection, requestOf } from "./load.ts";

const pods = "/api/v1/namespaces/default/pods";

export const spec = {
  containers: [
    {
      name: "main",
      image: "registry.example.com/team/app:1.2.3",
      env: Array.from({ length: 20 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value-${i}` })),
    },
  ],
};

/** Connections of many clients to one server, and the pods made through them so far. */
export interface Load extends Disposable {
  target: LoadTarget;
  connections: Connection[];
  made: number;
}

export async function openLoad(target: LoadTarget, clients: number): Promise<Load> {
  const connections = await Promise.all(Array.from({ length: clients }, () => openConnection(target)));
  return { target, connections, made: 0, [Symbol.dispose]: () => closeAll(connections) };
}

const closeAll = (connections: readonly Connection[]) => {
  for (const connection of connections) connection.close();
};

/** Creates so many further pods; creates per second. */
export function measureCreates(load: Load, count: number): Promise<number> {
  const first = load.made;
  load.made += count;
  const metadata = (i: number) => ({ namespace: "default", name: `p-${first + i}`, labels: { app: "bench" } });
  const body = (i: number) => ({ apiVersion: "v1", kind: "Pod", metadata: metadata(i), spec });
  return measureRate(load, count, 201, (i) => requestOf("POST", pods, body(i)));
}

/** GETs per second. */
export function measureGets(load: Load, count: number): Promise<number> {
  return measureRate(load, count, 200, (i) => requestOf("GET", `${pods}/p-${i % load.made}`));
}

async function measureRate({ connections }: Load, count: number, wanted: number, request: (i: number) => Uint8Array) {
  const requests = Array.from({ length: count }, (_, i) => request(i));
  let next = 0;
  const run = async (connection: Connection) => {
    for (let i = next++; i < count; i = next++) {
      const status = await connection.ask(requests[i] as Uint8Array);
      if (status !== wanted) throw new Error(`request ${i} was answered ${status}, not ${wanted}`);
    }
  };
  const began = performance.now();
  await Promise.all(connections.map(run));
  return (count / (performance.now() - began)) * 1000;
}

/** Milliseconds of each LIST; `query` gives the i-th's. */
export async function measureLists(load: Load, count: number, query = (_: number) => ""): Promise<number[]> {
  const [connection] = load.connections as [Connection];
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const request = requestOf("GET", pods + query(i));
    const began = performance.now();
    const status = await connection.ask(request);
    samples.push(performance.now() - began);
    if (status !== 200) throw new Error(`a LIST was answered ${status}`);
  }
  return samples;
}

/** Watches that stand, on one pod. */
export interface Watchers extends Disposable {
  /** Milliseconds from a write until each watcher has its event: so many samples for each write. */
  measure(writes: number): Promise<number[]>;
}

export async function openWatchers(load: Load, count: number): Promise<Watchers> {
  const watching = await Promise.all(Array.from({ length: count }, () => openConnection(load.target)));
  let samples: number[] = [];
  let began = 0;
  let missing = count;
  let wake = () => {};
  const each = () => {
    samples.push(performance.now() - began);
    if (--missing === 0) wake();
  };
  const round = () => {
    missing = count;
    return new Promise<void>((resolve) => (wake = resolve));
  };
  // The pod as it is comes first: then every watch stands.
  const opened = round();
  const request = requestOf("GET", `${pods}?watch=true&fieldSelector=metadata.name%3Dp-0`);
  for (const connection of watching) connection.listen(request, each);
  await opened;
  const [writer] = load.connections as [Connection];
  let written = 0;
  return {
    async measure(writes) {
      samples = [];
      for (let i = 0; i < writes; i++) {
        const body = { metadata: { labels: { i: String(written++) } } };
        const request = requestOf("PATCH", `${pods}/p-0`, body, "application/merge-patch+json");
        const heard = round();
        began = performance.now();
        const status = await writer.ask(request);
        if (status !== 200) throw new Error(`a write was answered ${status}`);
        await heard;
      }
      return samples;
    },
    [Symbol.dispose]: () => closeAll(watching),
  };
}
