// A workflow engine with its API server and a simulated node, each in processes of their own.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigMaps, CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { workflowDefinitions } from "@capstan/api/kinds/workflow";
import { type Client, createClient } from "@capstan/core/client";
import type { Authority } from "@capstan/core/pki";
import { createTransport, writeKubeconfig } from "@capstan/core/wire";
import { type Programs, startKubernetes } from "../../peers/kube-apiserver/start.ts";
import { type Start, startCapstan, startServer } from "../api-servers.ts";
import type { Seen } from "./node.ts";

const here = import.meta.dirname;

export interface System extends AsyncDisposable {
  client: Client;
  /** What the simulated node has seen since the last time. */
  node: { take(): Promise<Seen[]> };
  /** Processor time of the engine's process so far, seconds; what else is in it included. */
  engineSeconds(): number;
  /** Resident memory of the engine's process, megabytes, and its largest so far. */
  engineMegabytes(): { now: number; most: number };
  /** Kills the engine and starts it again. */
  restartEngine(): Promise<void>;
}

type StartEngine = (kubeconfig: string) => ChildProcess;

/** Ours in two processes: the API server's, and the engine's. */
export const startApart = (): Promise<System> => startSystem(startCapstan, startOurs);
/** Ours as the platform runs it: engine and API server in one process. */
export const startTogether = (): Promise<System> => startSystem(startBoth, undefined);
export const startOursOn = (programs: Programs): Promise<System> => startSystem(kubernetes(programs), startOurs);
/** Argo's workflow-controller on kube-apiserver and etcd. */
export const startArgo = (programs: Programs, controller: string, tuned: boolean): Promise<System> =>
  startSystem(kubernetes(programs), (kubeconfig) => spawnArgo(controller, kubeconfig, tuned));

const kubernetes =
  (programs: Programs): Start =>
  (root, authority, port) =>
    startKubernetes(programs, root, authority, port);

const startOurs: StartEngine = (kubeconfig) =>
  spawn(process.execPath, ["--max-semi-space-size=8", join(here, "engine.ts"), kubeconfig], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") },
  });

const startBoth: Start = async (root: string, _authority: Authority, port: number) => {
  const server = join(here, "..", "serve-apiserver.ts");
  const args = ["--max-semi-space-size=8", server, root, String(port), "workflows"];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") },
  });
  return { processes: [child], url: `https://127.0.0.1:${port}` };
};

/** With its defaults, or as its documentation and users tune it. */
function spawnArgo(controller: string, kubeconfig: string, tuned: boolean): ChildProcess {
  const more = tuned
    ? ["--workflow-workers", "128", "--pod-cleanup-workers", "32", "--qps", "2000", "--burst", "4000"]
    : [];
  const args = ["--kubeconfig", kubeconfig, "--namespace", "default", "--executor-image", "argoexec", ...more];
  const env = {
    ...process.env,
    LEADER_ELECTION_DISABLE: "true",
    ...(tuned ? { INFORMER_WRITE_BACK: "true", DEFAULT_REQUEUE_TIME: "100ms" } : {}),
  };
  return spawn(controller, [...args, "--loglevel", "error"], { stdio: "ignore", env });
}

async function startSystem(start: Start, startEngine: StartEngine | undefined): Promise<System> {
  const directory = mkdtempSync(join(tmpdir(), "bench-workflow-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  try {
    const server = await startServer(start, directory);
    stack.use(server);
    const { url, ca = "", cert = "", key = "" } = server.target;
    const kubeconfig = join(directory, "kubeconfig");
    await writeKubeconfig(kubeconfig, { name: "bench", server: url, ca, user: { name: "admin", cert, key } });
    const transport = stack.use(createTransport({ server: url, ca, cert, key }));
    const client = createClient(transport.handler, { userAgent: "bench" });
    await prepare(client);
    let engine = startEngine?.(kubeconfig);
    stack.defer(() => end(engine, "SIGKILL"));
    const node = fork(join(here, "node.ts"), [kubeconfig]);
    stack.defer(() => end(node, "SIGKILL"));
    await once(node, "message");
    const pid = () => engine?.pid ?? server.pid;
    return {
      client,
      node: createRemote(node),
      engineSeconds: () => secondsOf(pid()),
      engineMegabytes: () => ({ now: memoryOf(pid(), "VmRSS"), most: memoryOf(pid(), "VmHWM") }),
      async restartEngine() {
        await end(engine, "SIGKILL");
        engine = startEngine?.(kubeconfig);
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Further kinds that Argo watches. */
const argoKinds = ["WorkflowTaskSet", "WorkflowArtifactGCTask", "WorkflowEventBinding"];

/** The kinds as Argo's minimal installation has them: nothing of an object is checked. */
function definitions() {
  const bare = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const version = { name: "v1alpha1", served: true, storage: true, schema: { openAPIV3Schema: bare } };
  const known = workflowDefinitions.map(({ metadata, spec }) => ({ metadata, spec }));
  const present = new Set(known.map(({ spec }) => spec.names.kind));
  const named = argoKinds
    .filter((kind) => !present.has(kind))
    .map((kind) => {
      const [singular, plural] = [kind.toLowerCase(), `${kind.toLowerCase()}s`];
      const names = { kind, singular, plural, listKind: `${kind}List` };
      const spec = { group: "argoproj.io", scope: "Namespaced", names };
      return { metadata: { name: `${plural}.argoproj.io` }, spec };
    });
  return [...known, ...named].map(({ metadata, spec }) => ({ metadata, spec: { ...spec, versions: [version] } }));
}

async function prepare(client: Client): Promise<void> {
  await Promise.all(definitions().map((definition) => client.create(CustomResourceDefinitions, definition)));
  const metadata = { namespace: "default", name: "workflow-controller-configmap" };
  await client.create(ConfigMaps, { metadata, data: { metricsConfig: "enabled: false\n" } });
}

function createRemote(node: ChildProcess): System["node"] {
  return {
    async take() {
      const answer = new Promise<Seen[]>((resolve) => {
        const hear = (message: { seen?: Seen[] }) => {
          if (!message.seen) return;
          node.off("message", hear);
          resolve(message.seen);
        };
        node.on("message", hear);
      });
      node.send("take");
      return answer;
    },
  };
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

function secondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024;
}
