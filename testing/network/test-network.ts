import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ContainerPort, Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { refOf } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import {
  allocateInstanceNetwork,
  canBridge,
  createRuntime,
  type InstanceNetwork,
  type Runtime,
} from "@capstan/core/runtime";
import { type Part, TestCluster } from "@capstan/testing/cluster";

export interface TestPodOptions {
  namespace?: string;
  labels?: Record<string, string>;
  /** Ports that its program answers on. */
  tcp?: number[];
  udp?: number[];
  /** What its spec says of ports. */
  ports?: ContainerPort[];
  /** Called between the start of its network and that of its program. */
  before?(pod: Pod, ip: string): Promise<void>;
}

export interface Asking {
  protocol?: "tcp" | "udp";
  /** Milliseconds after which nobody answers. */
  wait?: number;
}

export interface TestPod {
  pod: Pod;
  ip: string;
  /** What a server answers: its name and the asker's address as it sees it; `ECONNREFUSED`, `silence`, … when none does. */
  ask(host: string, port: number, asking?: Asking): Promise<string>;
  /** Runs a program of this machine inside, and resolves to what it printed. */
  run(command: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** How long an answer that should come may take. */
const patience = 5000;

export class TestNetwork implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly network: InstanceNetwork;
  readonly runtime: Runtime;
  readonly #directory: string;
  readonly #stop: AbortController;
  readonly #running: Promise<void>;

  /** @param parts start once the API answers and the bridge is there. */
  static async start(parts: (network: TestNetwork) => Part[]): Promise<TestNetwork> {
    const directory = mkdtempSync(join(tmpdir(), "capstan-network-"));
    const network = allocateInstanceNetwork(directory, { bridged: canBridge() });
    const codeDir = join(import.meta.dirname, "../..");
    const runtime = createRuntime({ dataDir: directory, network, codeDir, log: silent });
    const stop = new AbortController();
    const running = runtime.start(stop.signal);
    await runtime.ready;
    const cluster = await TestCluster.start({ serviceCidr: network.serviceCidr });
    const made = new TestNetwork({ cluster, network, runtime, directory, stop, running });
    for (const part of parts(made)) cluster.run(part);
    return made;
  }

  private constructor(made: {
    cluster: TestCluster;
    network: InstanceNetwork;
    runtime: Runtime;
    directory: string;
    stop: AbortController;
    running: Promise<void>;
  }) {
    this.cluster = made.cluster;
    this.network = made.network;
    this.runtime = made.runtime;
    this.#directory = made.directory;
    this.#stop = made.stop;
    this.#running = made.running;
  }

  async pod(name: string, options: TestPodOptions = {}): Promise<TestPod> {
    const { namespace = "default", labels = {}, tcp = [], udp = [], ports = [] } = options;
    const { client } = this.cluster;
    const { runtime, images } = this.runtime;
    const spec = { nodeName: "node-1", containers: [{ name: "c", image: "capstan/host", ports }] };
    const created = await client.create(Pods, { metadata: { namespace, name, labels }, spec });
    const uid = created.metadata.uid ?? "";
    const sandbox = await runtime.runPodSandbox({ name, namespace, uid, hostname: name, labels, namespaces: {} });
    await options.before?.(created, sandbox.ip);
    const setup = JSON.stringify({ name, host: this.network.bridge ? "0.0.0.0" : sandbox.ip, tcp, udp });
    await images.pullImage("capstan/host");
    const id = await runtime.createContainer(sandbox.id, {
      name: "c",
      attempt: 0,
      image: "capstan/host",
      command: ["/opt/capstan/node_modules/node/bin/node", "/opt/capstan/testing/network/program.ts", setup],
      env: [],
      mounts: [],
      labels: {},
      logPath: join(this.#directory, `${uid}.log`),
      stdin: true,
    });
    await runtime.startContainer(id);
    const talk = conversation(await runtime.attach(id));
    await talk.ready;
    const pod = await client.updateStatus(Pods, {
      ...created,
      status: { phase: "Running", podIP: sandbox.ip, podIPs: [{ ip: sandbox.ip }] },
    });
    return {
      pod,
      ip: sandbox.ip,
      ask: talk.ask,
      run: async (command) => new TextDecoder().decode((await runtime.execSync(id, command)).stdout),
      remove: async () => {
        await client.delete(Pods, refOf(pod), { gracePeriodSeconds: 0 });
        await runtime.removePodSandbox(sandbox.id);
      },
    };
  }

  /** Looks again until what is seen is as wanted: a change of the API holds a moment later. */
  async eventually<T>(look: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
    const end = Date.now() + 2 * patience;
    for (;;) {
      const value = await look();
      if (wanted(value)) return value;
      assert.ok(Date.now() < end, `still ${JSON.stringify(value)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    this.#stop.abort();
    await this.#running;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

type Session = Awaited<ReturnType<Runtime["runtime"]["attach"]>>;

/** Questions to the program and its answers, by number. */
function conversation(session: Session) {
  const waiting = new Map<number, (answer: string) => void>();
  let next = 1;
  const ready = new Promise<string>((resolve) => waiting.set(0, resolve));
  const lines = createInterface({ input: Readable.from(session.stdout) });
  lines.on("line", (line) => {
    const { id, answer } = JSON.parse(line) as { id: number; answer: string };
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  return {
    ready,
    async ask(host: string, port: number, { protocol = "tcp", wait = patience }: Asking = {}): Promise<string> {
      const id = next++;
      const answer = new Promise<string>((resolve) => waiting.set(id, resolve));
      await session.write?.(new TextEncoder().encode(`${JSON.stringify({ id, protocol, host, port, wait })}\n`));
      return await answer;
    },
  };
}
