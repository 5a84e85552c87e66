// Files of a volume that change all at once: `..data` is a link to a directory that is never changed.
// Source: k8s.io/kubernetes pkg/volume/util/atomic_writer.go.
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface FileContent {
  data: Uint8Array;
  mode: number;
}

/** Path in the volume → content. */
export type Payload = Map<string, FileContent>;

/** Kubernetes' bound for a ConfigMap or Secret is 1 MiB; a projected volume may join several. */
const payloadLimit = 16 * 1024 * 1024;

/** @returns whether anything changed. @param group gets the files, when the pod has an fsGroup. */
export function writeAtomically(directory: string, payload: Payload, group: number | undefined): boolean {
  check(payload);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const data = join(directory, "..data");
  const old = lstatSync(data, { throwIfNoEntry: false }) ? join(directory, readlinkSync(data)) : undefined;
  if (old && same(old, payload)) return false;
  const made = mkdtempSync(join(directory, `..${new Date().toISOString().replace(/[-:T.Z]/g, "_")}`));
  chmodSync(made, 0o755);
  for (const [path, { data: bytes, mode }] of payload) {
    const file = join(made, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, bytes);
    if (group !== undefined) chownSync(file, -1, group);
    chmodSync(file, group === undefined ? mode : mode | ((mode & 0o400) >> 3));
  }
  const link = join(directory, "..data_tmp");
  rmSync(link, { force: true });
  symlinkSync(made.slice(directory.length + 1), link);
  renameSync(link, data);
  linkTop(directory, payload);
  if (old) rmSync(old, { recursive: true, force: true });
  return true;
}

function check(payload: Payload): void {
  let total = 0;
  for (const [path, { data }] of payload) {
    if (path === "" || path.startsWith("/") || path.startsWith("..") || path.split("/").includes("..")) {
      throw new Error(`invalid path "${path}" in a volume: it must be relative and must not contain ".."`);
    }
    total += data.length;
  }
  if (total > payloadLimit) throw new Error(`a volume's files are larger than payloadLimit = ${payloadLimit} bytes`);
}

/** The first part of every path is a link through `..data`; links of files that are gone go too. */
function linkTop(directory: string, payload: Payload): void {
  const tops = new Set([...payload.keys()].map((path) => path.split("/")[0] as string));
  for (const name of readdirSync(directory)) {
    if (!name.startsWith("..") && !tops.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
  }
  for (const name of tops) {
    if (!lstatSync(join(directory, name), { throwIfNoEntry: false }))
      symlinkSync(`..data/${name}`, join(directory, name));
  }
}

function same(directory: string, payload: Payload): boolean {
  const files = listFiles(directory, "");
  if (files.length !== payload.size) return false;
  return files.every((path) => {
    const wanted = payload.get(path);
    return wanted !== undefined && readFileSync(join(directory, path)).equals(wanted.data);
  });
}

function listFiles(directory: string, prefix: string): string[] {
  return readdirSync(join(directory, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix ? `${prefix}/${entry.name}` : entry.name;
    return entry.isDirectory() ? listFiles(directory, path) : [path];
  });
}
