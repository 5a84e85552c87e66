import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { addressAt, overlap, parseCidr } from "./address.ts";

/** The ranges of one instance: chosen once, kept in its data directory. */
export interface InstanceNetwork {
  /** Absent: pods share the node's network, with one loopback address each. */
  bridge?: string;
  podCidr: string;
  serviceCidr: string;
  dnsIp: string;
  /** ClusterIP of default/kubernetes. */
  apiServiceIp: string;
}

export interface AllocateOptions {
  /** Where instances of this machine tell each other which ranges they took. */
  registry?: string;
  /** Whether pods get networks of their own: root, and the program ip. */
  bridged: boolean;
}

// 10.64.0.0–10.127.255.255, and 127.64.0.0–127.127.255.255 of the loopback network: a /16 for each of 64 instances.
const blocks = 64;

/**
 * Reads DIR/network.json, or chooses ranges that neither another instance of this machine nor one of its interfaces has.
 * @throws when all are taken, or the file is not ours.
 */
export function allocateInstanceNetwork(dataDir: string, options: AllocateOptions): InstanceNetwork {
  const file = join(dataDir, "network.json");
  const registry = options.registry ?? defaultRegistry();
  mkdirSync(registry, { recursive: true });
  if (existsSync(file)) {
    const network = JSON.parse(readFileSync(file, "utf8")) as InstanceNetwork;
    const block = Number(network.podCidr?.split(".")[1]) - blocks;
    const same = (network.bridge !== undefined) === options.bridged;
    if (same && Number.isInteger(block) && claim(registry, block, options.bridged, dataDir)) return network;
  }
  const start = createHash("sha256").update(resolve(dataDir)).digest().readUInt16BE(0);
  for (let step = 0; step < blocks; step++) {
    const block = (start + step) % blocks;
    const network = networkOf(block, options.bridged);
    if (options.bridged && taken(network)) continue;
    if (!claim(registry, block, options.bridged, dataDir)) continue;
    writeFileSync(file, `${JSON.stringify(network, null, 2)}\n`);
    return network;
  }
  throw new Error(`all ${blocks} address ranges for instances are taken on this machine: see ${registry}`);
}

/** Lets other instances take the ranges: when the data directory is removed for good. */
export function releaseInstanceNetwork(dataDir: string, options: AllocateOptions): void {
  const registry = options.registry ?? defaultRegistry();
  const file = join(dataDir, "network.json");
  if (!existsSync(file)) return;
  const network = JSON.parse(readFileSync(file, "utf8")) as InstanceNetwork;
  const block = Number(network.podCidr.split(".")[1]) - blocks;
  const path = claimPath(registry, block, options.bridged);
  if (existsSync(path) && readClaim(path).owner === resolve(dataDir)) rmSync(path);
}

/** A claim that nobody stands for: the data directory is gone or has other ranges, and the process that made it too. */
export interface VoidClaim {
  network: InstanceNetwork;
  dataDir: string;
  release(): void;
}

export function voidClaims(options: AllocateOptions): VoidClaim[] {
  const registry = options.registry ?? defaultRegistry();
  return Array.from({ length: blocks }, (_, block) => block).flatMap((block) => {
    const path = claimPath(registry, block, options.bridged);
    if (!existsSync(path) || holds(path, block)) return [];
    const release = () => rmSync(path, { force: true });
    return [{ network: networkOf(block, options.bridged), dataDir: readClaim(path).owner, release }];
  });
}

/** First line the data directory, second the process that made the claim. */
function readClaim(path: string): { owner: string; pid: number } {
  const [owner = "", pid = ""] = readFileSync(path, "utf8").split("\n");
  return { owner, pid: Number(pid) };
}

/** The directory's file is written after the claim: until then the process stands for it. */
function holds(path: string, block: number): boolean {
  const { owner, pid } = readClaim(path);
  const theirs = join(owner, "network.json");
  if (existsSync(theirs)) return readFileSync(theirs, "utf8").includes(`.${blocks + block}.`);
  return pid > 0 && existsSync(`/proc/${pid}`);
}

function networkOf(block: number, bridged: boolean): InstanceNetwork {
  const base = `${bridged ? 10 : 127}.${blocks + block}`;
  const service = parseCidr(`${base}.128.0/17`);
  return {
    ...(bridged ? { bridge: `capstan${block}` } : {}),
    podCidr: `${base}.0.0/17`,
    serviceCidr: `${base}.128.0/17`,
    apiServiceIp: addressAt(service, 1),
    dnsIp: addressAt(service, 10),
  };
}

function taken({ podCidr, serviceCidr, bridge }: InstanceNetwork): boolean {
  const ranges = [parseCidr(podCidr), parseCidr(serviceCidr)];
  return Object.entries(networkInterfaces()).some(
    ([name, addresses]) =>
      name === bridge ||
      (addresses ?? []).some(
        ({ family, cidr }) => family === "IPv4" && cidr && ranges.some((range) => overlap(range, parseCidr(cidr))),
      ),
  );
}

const claimPath = (registry: string, block: number, bridged: boolean) =>
  join(registry, `${bridged ? "bridge" : "loopback"}-${block}`);

/** A claim is a file that names its data directory. Void ones of others are taken. */
function claim(registry: string, block: number, bridged: boolean, dataDir: string): boolean {
  const path = claimPath(registry, block, bridged);
  const own = resolve(dataDir);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const fd = openSync(path, "wx", 0o644);
      writeSync(fd, `${own}\n${process.pid}\n`);
      closeSync(fd);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (readClaim(path).owner === own) return true;
    if (holds(path, block)) return false;
    rmSync(path, { force: true });
  }
  return false;
}

function defaultRegistry(): string {
  const uid = process.getuid?.();
  return uid === 0 ? "/run/capstan/networks" : join(tmpdir(), `capstan-networks-${uid}`);
}
