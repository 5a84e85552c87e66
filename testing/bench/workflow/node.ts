// A node that runs nothing, as a program: node.ts KUBECONFIG. Each workflow's pod is Running, reported on and over as soon
// as it is seen. Answers over IPC what it saw and when.
import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { WorkflowTaskResults } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { type Client, createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";

/** Milliseconds since 1970. */
export interface Seen {
  workflow: string;
  node: string;
  /** The pod was told of. */
  seen: number;
  /** Its end was acknowledged by the server. */
  over: number;
}

/** Requests under way at once. */
const atOnce = 64;
const tries = 5;
let free = atOnce;
const waiting: (() => void)[] = [];
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        // A kept connection that the server has just closed.
        if (!isReason(error, "ServiceUnavailable") || attempt === tries) throw error;
      }
    }
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

const label = (name: string) => `workflows.argoproj.io/${name}`;
const now = () => performance.timeOrigin + performance.now();
let seen: Seen[] = [];

async function run(client: Client, { metadata, spec, status }: Pod, entry: Seen): Promise<void> {
  const { namespace = "", name } = metadata;
  const patch = (body: object) =>
    inTurn(() =>
      client.patch(Pods, { namespace, name }, { type: "merge", body: { status: body } }, { subresource: "status" }),
    );
  const id = metadata.annotations?.[label("node-id")] ?? "";
  const startedAt = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const statuses = (state: object) =>
    spec.containers.map(({ name, image }) => ({ name, image, imageID: image, ready: true, restartCount: 0, state }));
  if (status?.phase !== "Running") {
    await patch({ phase: "Running", startTime: startedAt, containerStatuses: statuses({ running: { startedAt } }) });
  }
  const labels = {
    [label("workflow")]: metadata.labels?.[label("workflow")] ?? "",
    [label("report-outputs-completed")]: "true",
  };
  const result = { namespace, name: id, labels, ownerReferences: metadata.ownerReferences ?? [] };
  try {
    await inTurn(() => client.create(WorkflowTaskResults, { metadata: result }));
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
  const terminated = { exitCode: 0, reason: "Completed", startedAt, finishedAt: startedAt };
  await patch({ phase: "Succeeded", containerStatuses: statuses({ terminated }) });
  entry.over = now();
}

async function watch(client: Client, signal: AbortSignal): Promise<void> {
  const labelSelector = `${label("completed")}=false`;
  const known = new Set<string>();
  for await (const { type, object } of client.watch(Pods, { labelSelector, signal })) {
    if (type === "BOOKMARK") process.send?.({ ready: true });
    if (type !== "ADDED" || known.has(object.metadata.uid ?? "")) continue;
    known.add(object.metadata.uid ?? "");
    if (object.metadata.deletionTimestamp || /Succeeded|Failed/.test(object.status?.phase ?? "")) continue;
    const entry: Seen = {
      workflow: object.metadata.labels?.[label("workflow")] ?? "",
      node: object.metadata.annotations?.[label("node-name")] ?? "",
      seen: now(),
      over: 0,
    };
    seen.push(entry);
    run(client, object, entry).catch((error: unknown) => {
      // A workflow that was deleted took its pods along.
      if (!isReason(error, "NotFound", "Conflict") && !signal.aborted) console.error(error);
    });
  }
}

async function main(kubeconfig: string): Promise<void> {
  const { transport } = await openKubeconfig(kubeconfig);
  const stop = new AbortController();
  process.on("message", () => {
    process.send?.({ seen });
    seen = [];
  });
  process.once("disconnect", () => stop.abort());
  await watch(createClient(transport.handler, { userAgent: "simulated-node" }), stop.signal);
  transport.close();
}

await main(process.argv[2] ?? "");
