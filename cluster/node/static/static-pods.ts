// Pods that are files in a directory of the node. The API shows each as a mirror pod, which changes nothing of it.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { NodeContext } from "../pods/context.ts";
import { watchDirectory } from "../watch-directory.ts";
import { annotations, manifestLimit, readManifest } from "./manifest.ts";

/** Who runs the pods. */
export interface StaticHost {
  run(mirror: Pod, uid: string): void;
  /** Resolves when nothing of the pod is left. */
  end(uid: string): Promise<void>;
  /** The API shows the pod anew: its status has to be written. */
  mirrored(mirror: Pod, uid: string): void;
}

/** The hash of the static pod that a pod of the API mirrors. */
export const mirroredBy = ({ metadata }: Pod) => metadata.annotations?.[annotations.mirror];

export class StaticPods {
  readonly #context: NodeContext;
  readonly #directory: string;
  readonly #nodeName: string;
  readonly #host: StaticHost;
  /** By UID: those that run or are about to. */
  readonly #wanted = new Map<string, Pod>();
  /** Problems told already, by file. */
  readonly #problems = new Map<string, string>();
  /** By namespace and name: one that ends before another of its name may start. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(context: NodeContext, directory: string, nodeName: string, host: StaticHost) {
    this.#context = context;
    this.#directory = directory;
    this.#nodeName = nodeName;
    this.#host = host;
  }

  /** Resolves when the pods that were there are known; those that come later follow the directory. */
  async start(): Promise<void> {
    const { log, signal } = this.#context;
    watchDirectory(this.#directory, () => void this.#follow(), log, signal);
    await this.#follow();
    const { items } = await this.#context.client.list(Pods, { fieldSelector: `spec.nodeName=${this.#nodeName}` });
    for (const pod of items) {
      const hash = mirroredBy(pod);
      if (hash !== undefined && !this.#wanted.has(hash)) await this.#removeMirror(pod);
    }
  }

  /** Somebody deleted what the API shows: the pod is still there, and so is its mirror soon. */
  mirrorChanged(type: "ADDED" | "MODIFIED" | "DELETED", mirror: Pod): void {
    const pod = this.#wanted.get(mirroredBy(mirror) ?? "");
    if (!pod) return;
    if (type === "DELETED") void this.#begin(pod, false);
    else if (mirror.metadata.deletionTimestamp) void this.#removeMirror(mirror);
  }

  async #follow(): Promise<void> {
    const found = this.#read();
    for (const [uid, pod] of this.#wanted) {
      if (found.has(uid)) continue;
      this.#wanted.delete(uid);
      this.#end(pod);
    }
    const begun: Promise<void>[] = [];
    for (const [uid, pod] of found) {
      if (this.#wanted.has(uid)) continue;
      this.#wanted.set(uid, pod);
      begun.push(this.#begin(pod, true));
    }
    await Promise.all(begun);
  }

  #read(): Map<string, Pod> {
    const found = new Map<string, Pod>();
    const names = new Set<string>();
    const files = list(this.#directory);
    for (const subject of this.#problems.keys()) {
      if (!subject.includes("/") && !files.includes(subject)) this.#problems.delete(subject);
    }
    for (const file of files) {
      const path = join(this.#directory, file);
      try {
        const stat = statSync(path, { throwIfNoEntry: false });
        if (!stat?.isFile()) continue;
        if (stat.size > manifestLimit) throw new Error(`it is larger than manifestLimit = ${manifestLimit} bytes`);
        const pod = readManifest(readFileSync(path, "utf8"), path, this.#nodeName);
        if (names.has(key(pod))) throw new Error(`another file has a pod ${key(pod)} too`);
        names.add(key(pod));
        found.set(pod.metadata.uid ?? "", pod);
        this.#problems.delete(file);
      } catch (error) {
        this.#tell(file, `Static pod manifest ${path} is ignored: ${messageOf(error)}`);
      }
    }
    return found;
  }

  /** Shows the pod in the API, which checks it and fills in what it leaves out. */
  async #begin(pod: Pod, run: boolean): Promise<void> {
    const { signal } = this.#context;
    const { uid = "" } = pod.metadata;
    await this.#ending.get(key(pod));
    for (let attempt = 0; this.#wanted.has(uid) && !signal.aborted; attempt++) {
      try {
        const mirror = await this.#mirror(pod);
        if (run) this.#host.run(mirror, uid);
        else this.#host.mirrored(mirror, uid);
        return;
      } catch (error) {
        const message = `Static pod ${key(pod)} is not accepted: ${messageOf(error)}`;
        this.#tell(key(pod), message);
        // What is wrong with the manifest itself stays so until the file changes.
        if (isReason(error, "Invalid", "BadRequest")) return;
        await sleep(backoff(attempt, { base: 1000, cap: 60_000 }), signal);
      }
    }
  }

  async #mirror(pod: Pod): Promise<Pod> {
    const { client } = this.#context;
    const { uid = "", ...metadata } = pod.metadata;
    const found = await client.find(Pods, refOf(pod));
    if (found && mirroredBy(found) === uid && !found.metadata.deletionTimestamp) return found;
    if (found && mirroredBy(found) === undefined) throw new Error("the API has another pod of that name");
    if (found) await this.#removeMirror(found);
    const node = await client.get(Nodes, { name: this.#nodeName });
    const owner = {
      apiVersion: "v1",
      kind: "Node",
      name: this.#nodeName,
      uid: node.metadata.uid ?? "",
      controller: true,
    };
    const own = { [annotations.mirror]: uid, [annotations.seen]: new Date().toISOString() };
    return await client.create(Pods, {
      metadata: { ...metadata, annotations: { ...metadata.annotations, ...own }, ownerReferences: [owner] },
      spec: pod.spec,
    });
  }

  #end(pod: Pod): void {
    const over = async () => {
      await this.#host.end(pod.metadata.uid ?? "");
      const mirror = await this.#context.client.find(Pods, refOf(pod));
      if (mirror && mirroredBy(mirror) === pod.metadata.uid) await this.#removeMirror(mirror);
    };
    const ended = over()
      .catch((error) => this.#context.log.warn("a static pod's mirror stays", { pod: key(pod), error }))
      .finally(() => {
        if (this.#ending.get(key(pod)) === ended) this.#ending.delete(key(pod));
      });
    this.#ending.set(key(pod), ended);
  }

  async #removeMirror(mirror: Pod): Promise<void> {
    const { uid } = mirror.metadata;
    const options = { gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) };
    await this.#context.client.delete(Pods, refOf(mirror), options).catch((error) => {
      if (!isReason(error, "NotFound", "Conflict")) throw error;
    });
  }

  #tell(subject: string, message: string): void {
    if (this.#problems.get(subject) === message) return;
    this.#problems.set(subject, message);
    const { log, recorder } = this.#context;
    log.warn("a static pod cannot run", { message });
    // The kubelet names a node by its name where others give a UID.
    const about = { apiVersion: "v1", kind: "Node", metadata: { name: this.#nodeName, uid: this.#nodeName } };
    recorder.warning(about, "InvalidStaticPod", message);
  }
}

const key = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;

/** Hidden files are those that an editor is still writing. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
