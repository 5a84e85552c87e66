// Nodes that are too many for their workflow's object: they lie in ConfigMaps that it owns, a thousand in each.
import type { ConfigMap } from "@capstan/api/generated/core-v1";
import { ConfigMaps } from "@capstan/api/generated/resources";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { type Nodes, packText, unpackText } from "./packed.ts";

/** Nodes of one chunk, as long as it is not too long. */
const nodesPerChunk = 1000;
/** Longest content of a chunk, characters of base64: an object of etcd has at most 1.5 MiB. */
const chunkLimit = 1000 * 1024;
const key = "nodes.json.gz";
const typeLabel = "workflows.argoproj.io/configmap-type";
const typeOfNodes = "Nodes";
/** Requests under way at once. */
const atOnce = 8;

const nameOf = ({ metadata }: Workflow, chunk: number) => `${metadata.name.slice(0, 230)}-nodes-${chunk}`;

/** `offloadNodeStatusVersion`: how many chunks there are, and a hash of what is in them. */
const formatVersion = (chunks: number, hash: number) => `${chunks}-fnv:${hash}`;
const countOf = (version: string): number => {
  const count = Number(/^(\d+)-fnv:\d+$/.exec(version)?.[1]);
  if (!Number.isInteger(count)) throw new Error(`nodes are elsewhere: offloadNodeStatusVersion ${version} is not ours`);
  return count;
};

async function inTurns<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items].values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

/** The nodes of a workflow whose status says that they are elsewhere. @throws Error naming the ConfigMap that is not there. */
export async function readChunks(client: Client, workflow: Workflow): Promise<Nodes[]> {
  const count = countOf(workflow.status?.offloadNodeStatusVersion ?? "");
  const { namespace = "", uid } = workflow.metadata;
  const chunks: Nodes[] = [];
  await inTurns(Array(count).keys(), async (chunk) => {
    const name = nameOf(workflow, chunk);
    const map = await client.find(ConfigMaps, { namespace, name });
    const packed = map?.binaryData?.[key];
    if (!packed || !map.metadata.ownerReferences?.some((owner) => owner.uid === uid)) {
      throw new Error(`ConfigMap ${name}, which holds nodes of workflow ${workflow.metadata.name}, is gone`);
    }
    chunks[chunk] = JSON.parse(await unpackText(packed)) as Nodes;
  });
  return chunks;
}

interface Chunk {
  ids: string[];
  /** Of what was written last. */
  hash: number;
  /** Nothing in it changes any more but for the number of children. */
  still: boolean;
  children: number;
}

/** Writes those chunks in which something has changed. One for each workflow. */
export class ChunkWriter {
  readonly #client: Client;
  readonly #chunks: Chunk[] = [];
  readonly #known = new Set<string>();
  #more = false;

  constructor(client: Client, written: Nodes[] = []) {
    this.#client = client;
    for (const nodes of written) this.#add(Object.keys(nodes));
  }

  #add(ids: string[]): Chunk {
    const chunk = { ids, hash: 0, still: false, children: -1 };
    this.#chunks.push(chunk);
    for (const id of ids) this.#known.add(id);
    return chunk;
  }

  /** Resolves to the version that the workflow's status is to name; with `more` it is to be written again after that. */
  async write(workflow: Workflow): Promise<{ version: string; more: boolean }> {
    this.#more = false;
    const nodes = workflow.status?.nodes ?? {};
    let last = this.#chunks.at(-1) ?? this.#add([]);
    for (const id of Object.keys(nodes)) {
      if (this.#known.has(id)) continue;
      if (last.ids.length >= nodesPerChunk) last = this.#add([]);
      last.ids.push(id);
      this.#known.add(id);
    }
    await inTurns(this.#chunks.entries(), ([number, chunk]) => this.#writeOne(workflow, nodes, number, chunk));
    let hash = 0;
    for (const chunk of this.#chunks) hash = Math.imul(hash ^ chunk.hash, 0x01000193) >>> 0;
    return { version: formatVersion(this.#chunks.length, hash), more: this.#more };
  }

  async #writeOne(workflow: Workflow, nodes: Nodes, number: number, chunk: Chunk): Promise<void> {
    const own = chunk.ids.flatMap((id) => nodes[id] ?? []);
    const still = own.every(({ finishedAt }) => finishedAt);
    const children = own.reduce((sum, node) => sum + (node.children?.length ?? 0), 0);
    if (still && chunk.still && children === chunk.children) return;
    const text = JSON.stringify(Object.fromEntries(own.map((node): [string, NodeStatus] => [node.id, node])));
    const hash = hashOf(text);
    if (hash !== chunk.hash) {
      const packed = await packText(text);
      if (packed.length > chunkLimit && chunk.ids.length > 1) {
        // What is moved goes from here only when the workflow names where it is then.
        const moved = this.#add(chunk.ids.splice(chunk.ids.length >>> 1));
        this.#more = true;
        return this.#writeOne(workflow, nodes, this.#chunks.indexOf(moved), moved);
      }
      if (chunk.hash === 0) await this.#claim(workflow, number);
      await this.#put(workflow, number, packed);
    }
    Object.assign(chunk, { hash, still, children });
  }

  /** @throws Error where somebody else's ConfigMap has the name. */
  async #claim(workflow: Workflow, number: number): Promise<void> {
    const name = nameOf(workflow, number);
    const there = await this.#client.find(ConfigMaps, { namespace: workflow.metadata.namespace ?? "", name });
    if (there && there.metadata.labels?.[typeLabel] !== typeOfNodes)
      throw new Error(`nodes of workflow ${workflow.metadata.name} need ConfigMap ${name}, which is something else`);
  }

  async #put(workflow: Workflow, number: number, packed: string): Promise<void> {
    const { namespace = "", name: owner, uid = "" } = workflow.metadata;
    const name = nameOf(workflow, number);
    const map: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name,
        namespace,
        labels: { [typeLabel]: typeOfNodes },
        ownerReferences: [{ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: owner, uid }],
      },
      binaryData: { [key]: packed },
    };
    try {
      await this.#client.update(ConfigMaps, map);
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
      await this.#client.create(ConfigMaps, map);
    }
  }
}

/** 32-bit FNV-1a of UTF-16 units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
