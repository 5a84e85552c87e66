// Runs workflows on a Capstan of their own; with kills, it and single containers are killed at random moments.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { aborted, sleep } from "@capstan/base/async";
import { type Client, createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { createRandom } from "@capstan/testing/workflow";
import { capstan, type Instance, startInstance } from "../platform/instance.ts";
import { leaksOf } from "./leaks.ts";
import { abandoned, halfWritten, type Result, resultOf, traceProblems } from "./result.ts";
import { chaosWorkflows } from "./workflows.ts";

export interface PerformOptions {
  /** A directory of this run's own: its data and its traces. */
  directory: string;
  seed: number;
  count: number;
  /** How often the platform is killed; containers are killed as often as well. 0 disturbs nothing. */
  kills: number;
  /** Longest time between two kills, in milliseconds. */
  pauseMs: number;
  /** Ends all of it. */
  signal: AbortSignal;
  /** Gets what happens, a line at a time. */
  tell(line: string): void;
}

export interface Performed {
  results: Map<string, Result>;
  problems: string[];
  /** Of the platform, and of containers. */
  killed: { platform: number; containers: number };
  seconds: number;
}

/** Runs all workflows to their ends. Throws when one does not end. */
export async function perform(options: PerformOptions): Promise<Performed> {
  const { directory, seed, count, kills, tell } = options;
  const traces = join(directory, "traces");
  mkdirSync(traces, { recursive: true, mode: 0o777 });
  const data = join(directory, "data");
  const all = chaosWorkflows(seed, count, traces);
  const begun = Date.now();
  const problems: string[] = [];
  const killed = { platform: 0, containers: 0 };
  let instance = await start(data);
  let open = all.map(({ workflow }) => workflow);
  const random = createRandom(seed + 1);
  try {
    while (killed.platform < kills && !options.signal.aborted) {
      const moment = new AbortController();
      const timer = setTimeout(() => moment.abort(), random() * options.pauseMs);
      const work = attempt(instance, open, moment.signal);
      void killContainers(data, all, random, moment.signal).then((n) => {
        killed.containers += n;
      });
      const { left, done } = await work;
      clearTimeout(timer);
      open = left;
      if (done) break;
      moment.abort();
      await instance.kill();
      killed.platform++;
      problems.push(...halfWritten(join(data, "artifacts", "default")));
      tell(`killed ${killed.platform} times; ${open.length} to submit`);
      instance = await start(data);
    }
    const { done } = await attempt(instance, open, AbortSignal.any([options.signal, AbortSignal.timeout(900_000)]));
    if (!done) problems.push("not all workflows ended within 15 minutes");
    const results = new Map<string, Result>();
    for (const workflow of await listAll(instance)) {
      results.set(workflow.metadata.name, resultOf(workflow, join(data, "artifacts", "default")));
      problems.push(...traceProblems(workflow, traces));
    }
    problems.push(...abandoned(join(data, "artifacts")).map((name) => `.incoming/${name} is nobody's`));
    return { results, problems, killed, seconds: (Date.now() - begun) / 1000 };
  } finally {
    await instance.stop();
    await capstan(["down", "--data-dir", data]);
    for (const leak of leaksOf(data)) problems.push(`left behind: ${leak}`);
  }
}

async function start(directory: string): Promise<Instance> {
  const instance = startInstance({ directory, keep: true });
  await instance.ready();
  return instance;
}

/** Submits what is not there yet and waits for all to end, or for the signal. A server that goes away ends it too. */
async function attempt(
  instance: Instance,
  open: Workflow[],
  signal: AbortSignal,
): Promise<{ left: Workflow[]; done: boolean }> {
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const left = [...open];
  try {
    while (left.length > 0 && !signal.aborted) {
      await submit(client, left[0] as Workflow);
      left.shift();
    }
    const done = !signal.aborted && (await Promise.race([allEnded(client, signal), aborted(signal).then(() => false)]));
    return { left, done };
  } finally {
    transport.close();
  }
}

async function submit(client: Client, workflow: Workflow): Promise<void> {
  try {
    await client.create(Workflows, structuredClone(workflow));
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}

async function allEnded(client: Client, signal: AbortSignal): Promise<boolean> {
  const running = new Set<string>();
  let isListed = false;
  for await (const event of client.watch(Workflows, { namespace: "default", signal })) {
    if (event.type === "BOOKMARK") isListed = true;
    else if (event.object.status?.finishedAt && event.type !== "DELETED") running.delete(event.object.metadata.name);
    else running.add(event.object.metadata.name);
    if (isListed && running.size === 0) return true;
  }
  return false;
}

async function listAll({ kubeconfig }: Instance): Promise<Workflow[]> {
  const { transport } = await openKubeconfig(kubeconfig);
  try {
    return (await createClient(transport.handler).list(Workflows, { namespace: "default" })).items;
  } finally {
    transport.close();
  }
}

/** Kills main containers of killable workflows now and then. @returns how many */
async function killContainers(
  data: string,
  all: ReturnType<typeof chaosWorkflows>,
  random: () => number,
  signal: AbortSignal,
): Promise<number> {
  const killable = new Set(all.filter((one) => one.killable).map(({ workflow }) => workflow.metadata.name));
  let killed = 0;
  while (!signal.aborted) {
    await sleep(100 + random() * 900, signal);
    const running = mainContainers(data).filter(({ workflow }) => killable.has(workflow));
    const victim = running[Math.floor(random() * running.length)];
    if (victim && !signal.aborted && kill(victim.pid)) killed++;
  }
  return killed;
}

function mainContainers(data: string): { workflow: string; pid: number }[] {
  const directory = join(data, "runtime", "containers");
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((id) => {
    const files = ["config.json", "pid", "exit"].map((name) => join(directory, id, name));
    const [record = "", pid = "", exit = ""] = files.map((file) =>
      existsSync(file) ? readFileSync(file, "utf8") : "",
    );
    const { config, startedAt } = record === "" ? {} : JSON.parse(record);
    const workflow = /chaos-\d+/.exec(config?.logPath ?? "")?.[0];
    const runs = config?.name === "main" && startedAt && pid !== "" && exit === "";
    return runs && workflow ? [{ workflow, pid: Number(pid) }] : [];
  });
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
