import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";
import type { Handler, Principal } from "@capstan/base/http";
import { createLogger, type Logger, silent } from "@capstan/base/log";
import { type ApiServer, createApiServer, type ExtensionFactory, type FrontProxy } from "@capstan/cluster/apiserver";
import { type Client, createClient } from "@capstan/core/client";
import { createInformers, type Informers } from "@capstan/core/reconcile";
import { createMemoryStore, type Store } from "@capstan/core/store";
import { type Serving, serve } from "@capstan/core/wire";
import { type KubectlRun, runKubectl } from "./kubectl.ts";

/** Anything with a life: a controller, the scheduler, a node agent, an operator. */
export interface Part {
  start(signal: AbortSignal): Promise<unknown>;
}

export interface TestClusterOptions {
  /** Default: an empty memory store, closed with the cluster. */
  store?: Store;
  extensions?: ExtensionFactory[];
  /** Made once the API answers, and started. */
  parts?: (cluster: TestCluster) => Part | Part[] | Promise<Part | Part[]>;
  /** Logs to stderr from this level on; default: nothing. */
  log?: "debug" | "info" | "warn" | "error";
  serviceCidr?: string;
  /** How servers behind APIServices know the API server. */
  frontProxy?: FrontProxy;
}

const admin: Principal = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** How long a test waits for a state of the cluster before it fails, in milliseconds. */
const patience = 20_000;

/** An API server in this process, ready to use: `await using cluster = await TestCluster.start()`. */
export class TestCluster implements AsyncDisposable {
  readonly store: Store;
  readonly server: ApiServer;
  readonly handler: Handler;
  /** Acts as an administrator. */
  readonly client: Client;
  readonly informers: Informers;
  readonly log: Logger;
  /** Aborts when the cluster is disposed of. */
  readonly signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  #failure: unknown;
  #serving: Promise<Serving> | undefined;

  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const store = options.store ?? (await createMemoryStore());
    const cluster = new TestCluster(options, store);
    cluster.run(cluster.server);
    await cluster.server.ready;
    cluster.run(cluster.informers);
    const parts = (await options.parts?.(cluster)) ?? [];
    for (const part of Array.isArray(parts) ? parts : [parts]) cluster.run(part);
    return cluster;
  }

  private constructor(options: TestClusterOptions, store: Store) {
    this.store = store;
    this.log = options.log ? createLogger((record) => console.error(JSON.stringify(record)), options.log) : silent;
    this.signal = this.#stop.signal;
    this.server = createApiServer({
      store,
      log: this.log,
      serviceCidr: options.serviceCidr ?? "10.96.0.0/16",
      advertise: { address: "127.0.0.1", port: 6443 },
      extensions: options.extensions ?? [],
      ...(options.frontProxy ? { frontProxy: options.frontProxy } : {}),
    });
    this.handler = this.server.handler;
    this.client = this.clientOf(admin);
    this.informers = createInformers(this.client, { log: this.log });
  }

  /** A client that acts as somebody. */
  clientOf(principal: Principal, userAgent = "test"): Client {
    return createClient(this.handler, { principal, userAgent });
  }

  /** Starts a part that lives as long as the cluster; its failure fails the disposal. */
  run(part: Part): void {
    const ended = part.start(this.signal).catch((thrown: unknown) => {
      if (!this.signal.aborted) this.#failure ??= thrown;
    });
    this.#running.push(ended);
  }

  /** Waits by a watch until an object is as wanted (`undefined` stands for its absence) and returns it. */
  async until<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    wanted: (object: T | undefined) => boolean,
    timeout = patience,
  ): Promise<T | undefined> {
    const over = AbortSignal.any([this.signal, AbortSignal.timeout(timeout)]);
    const fieldSelector = `metadata.name=${ref.name}`;
    const { namespace } = ref;
    let last = await this.client.find(resource, ref);
    if (wanted(last)) return last;
    const options = { fieldSelector, signal: over, ...(namespace ? { namespace } : {}) };
    for await (const event of this.client.watch(resource, options)) {
      if (event.type === "BOOKMARK") {
        last = await this.client.find(resource, ref);
        if (wanted(last)) return last;
        continue;
      }
      last = event.object;
      if (wanted(event.type === "DELETED" ? undefined : last)) return event.type === "DELETED" ? undefined : last;
    }
    throw new Error(`${resource.kind} ${ref.name} did not become as wanted in ${timeout} ms: ${JSON.stringify(last)}`);
  }

  /** Puts the API behind a plain port; callers are administrators. */
  listen(): Promise<Serving> {
    this.#serving ??= serve({
      port: 0,
      handler: (request) => this.handler({ principal: admin, ...request }),
      log: this.log,
    });
    return this.#serving;
  }

  /** Runs the kubectl of the PATH against this cluster. */
  async kubectl(args: string[], input?: string, variables?: Record<string, string>): Promise<KubectlRun> {
    const { url } = await this.listen();
    return runKubectl(["--server", url, ...args], input, this.signal, variables);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await (await this.#serving)?.close();
    await Promise.all(this.#running);
    await this.store.close();
    if (this.#failure) throw this.#failure;
  }
}
