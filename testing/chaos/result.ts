// What a run came to, without what may differ between two: times, places and tries.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

/** A workflow's phase and its nodes', with their outputs. */
export interface Result {
  phase: string;
  nodes: Record<string, unknown>;
  artifacts: Record<string, string>;
}

/** @param artifacts the directory of the namespace's artifacts */
export function resultOf(workflow: Workflow, artifacts: string): Result {
  const all = Object.values(workflow.status?.nodes ?? {});
  const tries = new Set(all.filter(({ type }) => type === "Retry").flatMap(({ children = [] }) => children));
  const kept = all.filter(({ id, nodeFlag }) => !nodeFlag?.retried && !isTry(id, all, tries));
  const nodes = Object.fromEntries(kept.map((node) => [node.name, describe(node)]).sort());
  return { phase: workflow.status?.phase ?? "", nodes, artifacts: artifactsOf(all, artifacts) };
}

/** A try of a node that is tried again: how many there are is the killer's doing. */
const isTry = (id: string, all: NodeStatus[], tries: Set<string>): boolean =>
  tries.has(id) && all.some((node) => node.id === id && /\(\d+\)$/.test(node.name));

function describe({ type, phase, outputs, inputs, templateName }: NodeStatus) {
  return {
    type,
    phase,
    templateName,
    inputs: inputs?.parameters?.map(({ name, value }) => [name, value]),
    outputs: outputs?.parameters?.map(({ name, value }) => [name, value]),
    result: type === "Retry" ? undefined : outputs?.result,
    artifacts: outputs?.artifacts?.map(({ name }) => name).sort(),
  };
}

/** Digests of what the artifacts of succeeded nodes hold. @throws when one is not there, or not whole */
function artifactsOf(nodes: NodeStatus[], directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, type, phase, outputs } of nodes) {
    if (type !== "Pod" || phase !== "Succeeded") continue;
    for (const artifact of outputs?.artifacts ?? []) {
      const key = (artifact as { file?: { key?: string }; s3?: { key?: string } }).file?.key ?? keyOf(artifact);
      found[`${name.replace(/\(\d+\)$/, "")}/${artifact.name}`] = digestOf(join(directory, key));
    }
  }
  return found;
}

function keyOf(artifact: object): string {
  for (const value of Object.values(artifact)) {
    if (typeof value === "object" && value !== null && typeof value.key === "string") return value.key;
  }
  throw new Error(`no key in ${JSON.stringify(artifact)}`);
}

/** Of the content alone: archives hold times too. */
function digestOf(path: string): string {
  const hash = createHash("sha256");
  if (!existsSync(path)) throw new Error(`${path} is not there`);
  const bytes = readFileSync(path);
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  const isTar = plain.length >= 512 && plain.toString("latin1", 257, 262) === "ustar";
  if (isTar) for (const part of tarParts(plain, path)) hash.update(part);
  else if (plain.readUInt32LE(0) === 0x04034b50) hash.update(zipNames(plain, path));
  else hash.update(plain);
  return hash.digest("hex").slice(0, 16);
}

/** Names and contents. @throws for half an archive */
function* tarParts(tar: Buffer, path: string): Generator<Buffer> {
  for (let at = 0; ; ) {
    if (at + 512 > tar.length) throw new Error(`${path} ends in the middle`);
    const head = tar.subarray(at, at + 512);
    if (head.every((byte) => byte === 0)) return;
    const size = Number.parseInt(head.toString("latin1", 124, 135), 8);
    yield Buffer.from(head.toString("latin1", 0, 100) + head.toString("latin1", 156, 257));
    yield tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** The central directory's names and checksums. @throws for half an archive */
function zipNames(zip: Buffer, path: string): string {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0) throw new Error(`${path} ends in the middle`);
  const names: string[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    const length = zip.readUInt16LE(at + 28);
    names.push(`${zip.toString("utf8", at + 46, at + 46 + length)} ${zip.readUInt32LE(at + 16)}`);
    at += 46 + length + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return names.sort().join("\n");
}

/** How often each pod of a workflow has left its trace. */
export function tracesOf(directory: string, workflow: string): Map<string, number> {
  const file = join(directory, workflow);
  const counts = new Map<string, number>();
  if (!existsSync(file)) return counts;
  for (const pod of readFileSync(file, "utf8").split("\n").filter(Boolean)) counts.set(pod, (counts.get(pod) ?? 0) + 1);
  return counts;
}

/** Pods that ran twice, and nodes that succeeded without their pod's trace. */
export function traceProblems(workflow: Workflow, directory: string): string[] {
  const { name } = workflow.metadata;
  const traces = tracesOf(directory, name);
  const twice = [...traces].filter(([, count]) => count > 1).map(([pod, count]) => `${pod} ran ${count} times`);
  const nodes = Object.values(workflow.status?.nodes ?? {});
  const succeeded = nodes.filter(({ type, phase }) => type === "Pod" && phase === "Succeeded");
  const missing = succeeded
    .filter((node) => ![...traces.keys()].some((pod) => pod.endsWith(node.id.slice(node.id.lastIndexOf("-")))))
    .map((node) => `${node.name} succeeded, but left no trace`);
  return [...twice, ...missing];
}

/** What was being written when its writer was killed, and is nobody's now. */
export function abandoned(artifacts: string): string[] {
  const names = existsSync(artifacts) ? readdirSync(artifacts, { recursive: true, encoding: "utf8" }) : [];
  return names.filter((name) => /(^|\/)\.incoming\/[^/]+$/.test(name));
}

/** Files under their names that are not whole: nobody may ever see one. */
export function halfWritten(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const all = readdirSync(directory, { recursive: true, withFileTypes: true });
  const names = all.filter((entry) => entry.isFile() && !entry.parentPath.includes("/.incoming"));
  return names
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) => {
      try {
        digestOf(path);
        return [];
      } catch (error) {
        return [`${path}: ${error instanceof Error ? error.message : error}`];
      }
    });
}
