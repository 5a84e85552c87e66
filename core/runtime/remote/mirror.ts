import type { ContainerEvent, ContainerStatus, PodSandbox } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { Connection } from "./connection.ts";
import type { ContainerRecord, SandboxRecord } from "./records.ts";
import { containerStatus, sandboxStatus } from "./status.ts";

interface Entry<R, S> {
  record: R;
  status: S;
}

const order: ContainerStatus["state"][] = ["created", "running", "exited"];

/** What the runtime knows of the agent's sandboxes and containers, held here; each change is told once, in order. */
export class Mirror {
  readonly sandboxes = new Map<string, Entry<SandboxRecord, PodSandbox>>();
  readonly containers = new Map<string, Entry<ContainerRecord, ContainerStatus>>();
  /** The program that answers. */
  runtime = "cri";
  readonly #connection: Connection;
  readonly #listeners = new Set<(event: ContainerEvent) => void>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #queued = new Map<string, Promise<void>>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes a sandbox in and asks for its state. */
  async addSandbox(id: string, record: SandboxRecord): Promise<PodSandbox> {
    const status = await this.#askSandbox(id, record);
    this.sandboxes.set(id, { record, status });
    return status;
  }

  /** Takes a container in and asks for its state. @param fresh whether it was made just now. */
  async addContainer(id: string, record: ContainerRecord, fresh: boolean): Promise<void> {
    const status = await this.#askContainer(id, record);
    this.containers.set(id, { record, status: fresh ? { ...status, state: "created" } : status });
    if (fresh) this.#emit({ type: "created", sandboxId: record.sandboxId, containerId: id });
  }

  /** Asks for the state of one sandbox or container, of which calls that wait share the answer. */
  refresh(id: string): Promise<void> {
    const queued = this.#queued.get(id);
    if (queued) return queued;
    const before = this.#running.get(id);
    if (!before) {
      const now = this.#load(id).finally(() => this.#running.delete(id));
      this.#running.set(id, now);
      return now;
    }
    const again = () => {
      this.#queued.delete(id);
      return this.refresh(id);
    };
    const next = before.then(again, again);
    this.#queued.set(id, next);
    return next;
  }

  async refreshAll(): Promise<void> {
    const ids = [...this.containers.keys(), ...this.sandboxes.keys()];
    await Promise.all(ids.map((id) => this.refresh(id)));
  }

  forgetContainer(id: string): void {
    const entry = this.containers.get(id);
    if (!entry) return;
    this.#ended(id, entry);
    this.containers.delete(id);
    this.#emit({ type: "deleted", sandboxId: entry.record.sandboxId, containerId: id });
  }

  forgetSandbox(id: string): void {
    const entry = this.sandboxes.get(id);
    if (!entry) return;
    this.sandboxes.delete(id);
    if (entry.status.state === "ready") this.#emit({ type: "sandbox-stopped", sandboxId: id });
  }

  async #load(id: string): Promise<void> {
    const container = this.containers.get(id);
    const sandbox = this.sandboxes.get(id);
    try {
      if (container) this.#take(id, container, await this.#askContainer(id, container.record));
      if (sandbox) {
        const { state } = sandbox.status;
        sandbox.status = await this.#askSandbox(id, sandbox.record);
        const stopped = state === "ready" && sandbox.status.state === "notready";
        if (stopped && this.sandboxes.has(id)) this.#emit({ type: "sandbox-stopped", sandboxId: id });
      }
    } catch (error) {
      if (!(error instanceof RuntimeError && error.code === "NotFound")) throw error;
      this.forgetContainer(id);
      this.forgetSandbox(id);
    }
  }

  #take(id: string, entry: Entry<ContainerRecord, ContainerStatus>, status: ContainerStatus): void {
    const { state, startedAt } = entry.status;
    // An answer may come after a newer one: a container never goes back.
    if (this.containers.get(id) !== entry || order.indexOf(status.state) < order.indexOf(state)) return;
    entry.status = startedAt && !status.startedAt ? { ...status, startedAt } : status;
    const { sandboxId } = entry.record;
    if (state === "created" && status.startedAt) this.#emit({ type: "started", sandboxId, containerId: id });
    if (state !== "exited" && status.state === "exited") this.#emit({ type: "stopped", sandboxId, containerId: id });
  }

  /** A container that is gone without a last word has ended. */
  #ended(id: string, entry: Entry<ContainerRecord, ContainerStatus>): void {
    if (entry.status.state !== "running") return;
    entry.status = { ...entry.status, state: "exited", finishedAt: new Date(), exitCode: 137, reason: "Error" };
    this.#emit({ type: "stopped", sandboxId: entry.record.sandboxId, containerId: id });
  }

  async #askContainer(id: string, record: ContainerRecord): Promise<ContainerStatus> {
    const { status } = await this.#connection.call("runtime.v1.RuntimeService/ContainerStatus", { containerId: id });
    if (!status) throw new RuntimeError("NotFound", `there is no container ${id}`);
    return containerStatus(status, record, this.runtime);
  }

  async #askSandbox(id: string, record: SandboxRecord): Promise<PodSandbox> {
    const { status } = await this.#connection.call("runtime.v1.RuntimeService/PodSandboxStatus", { podSandboxId: id });
    if (!status) throw new RuntimeError("NotFound", `there is no sandbox ${id}`);
    return sandboxStatus(status, record);
  }

  #emit(event: ContainerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
