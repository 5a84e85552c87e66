import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { blobPath, busybox, writeLayout } from "./image.ts";

/** Debian's containerd with a configuration, a socket and a network of its own. */
export interface Containerd extends AsyncDisposable {
  endpoint: string;
  socket: string;
  directory: string;
  /** Imported already. */
  image: string;
  /** The same image, which a registry serves; and another that it serves to user "reader" with password "secret" alone. */
  pullable: string;
  guarded: string;
  /** A name that the registry does not know. */
  missing: string;
  /** Ends the daemon, not its containers, and starts it again. @param meanwhile runs while there is none. */
  restart(meanwhile?: () => void): Promise<void>;
  ctr(...args: string[]): string;
}

const cniPlugins = "/usr/lib/cni";

/** Why containerd cannot run here; undefined when it can. */
export function containerdMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "containerd needs root";
  const needed = { containerd: "/usr/bin/containerd", runc: "/usr/sbin/runc", "busybox-static": busybox };
  const missing = Object.entries({ ...needed, "containernetworking-plugins": join(cniPlugins, "bridge") })
    .filter(([, path]) => !existsSync(path))
    .map(([name]) => name);
  return missing.length > 0 ? `containerd is tested with Debian's ${missing.join(", ")}` : undefined;
}

/** Disposal leaves no process, mount, link or cgroup of it. */
export async function startContainerd(): Promise<Containerd> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-containerd-"));
  const mark = directory
    .slice(-6)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "0");
  const bridge = `cri-${mark}`;
  const socket = join(directory, "containerd.sock");
  const config = writeConfig(directory, socket, bridge);
  let daemon = await startDaemon(config, join(directory, "containerd.log"));
  const ctr = (...args: string[]) =>
    execFileSync("ctr", ["--address", socket, "--namespace", "k8s.io", ...args], { encoding: "utf8" });
  const layout = join(directory, "layout");
  const image = "localhost/busybox:1";
  const digests = writeLayout(layout, {
    // As the pause container: it reaps what has lost its parent.
    "localhost/pause:1": { Entrypoint: ["/bin/sh", "-c", "while :; do sleep 100000 & wait; done"] },
    [image]: { Cmd: ["sh"] },
    "localhost/guarded:1": { Cmd: ["sh"], Env: ["PATH=/bin", "GUARDED=yes"] },
  });
  execFileSync("tar", ["-C", layout, "-cf", join(directory, "images.tar"), "."]);
  ctr("images", "import", join(directory, "images.tar"));
  const registry = await serveLayout(layout, {
    busybox: digests.get(image) ?? "",
    "guarded/busybox": digests.get("localhost/guarded:1") ?? "",
  });
  const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  return {
    endpoint: `unix://${socket}`,
    socket,
    directory,
    image,
    pullable: `${host}/busybox:1`,
    guarded: `${host}/guarded/busybox:1`,
    missing: `${host}/missing:1`,
    ctr,
    async restart(meanwhile) {
      await end(daemon);
      meanwhile?.();
      daemon = await startDaemon(config, join(directory, "containerd.log"));
    },
    async [Symbol.asyncDispose]() {
      registry.close();
      registry.closeAllConnections();
      await end(daemon);
      for (const pid of shimsOf(socket)) process.kill(pid, "SIGKILL");
      unmountBelow(directory);
      if (existsSync(`/sys/class/net/${bridge}`)) execFileSync("ip", ["link", "del", bridge]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function writeConfig(directory: string, socket: string, bridge: string): string {
  const cni = join(directory, "cni");
  mkdirSync(cni);
  // Outside of the ranges that Capstan's own instances choose from.
  const subnet = `10.${32 + (process.pid % 32)}.${Math.floor(Math.random() * 256)}.0/24`;
  const ipam = { type: "host-local", dataDir: join(directory, "addresses"), ranges: [[{ subnet }]] };
  const plugins = [
    { type: "bridge", bridge, isGateway: true, ipam: { ...ipam, routes: [{ dst: "0.0.0.0/0" }] } },
    { type: "portmap", capabilities: { portMappings: true } },
  ];
  writeFileSync(join(cni, "10-test.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: bridge, plugins }));
  const path = join(directory, "config.toml");
  const unused = ["aufs", "btrfs", "devmapper", "zfs"].map((name) => `"io.containerd.snapshotter.v1.${name}"`);
  writeFileSync(
    path,
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = [${unused.join(", ")}]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniPlugins}"
    conf_dir = "${cni}"
`,
  );
  return path;
}

/** Resolves when it serves. */
async function startDaemon(config: string, log: string): Promise<ChildProcess> {
  const child = spawn("containerd", ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
  const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream });
  const said: string[] = [];
  const booted = new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      said.push(line);
      writeFileSync(log, `${line}\n`, { flag: "a" });
      if (line.includes("containerd successfully booted")) resolve();
    });
    child.once("exit", () => reject(new Error(`containerd ended:\n${said.slice(-5).join("\n")}`)));
    child.once("error", reject);
  });
  await booted;
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** The part of the distribution protocol that a pull needs. */
async function serveLayout(layout: string, manifests: Record<string, string>): Promise<Server> {
  const reader = `Basic ${Buffer.from("reader:secret").toString("base64")}`;
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const refuse = (status: number, headers: Record<string, string> = {}) => response.writeHead(status, headers).end();
    if (path === "/v2/") return refuse(200);
    const [, name = "", kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(path) ?? [];
    const manifest = manifests[name];
    if (!manifest) return refuse(404);
    if (name.startsWith("guarded/") && request.headers.authorization !== reader) {
      return refuse(401, { "www-authenticate": 'Basic realm="test"' });
    }
    const digest = kind === "manifests" && !reference.startsWith("sha256:") ? manifest : reference;
    if (!/^sha256:[0-9a-f]{64}$/.test(digest) || !existsSync(blobPath(layout, digest))) return refuse(404);
    const bytes = readFileSync(blobPath(layout, digest));
    const type = kind === "manifests" ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream";
    response.writeHead(200, {
      "content-type": type,
      "docker-content-digest": digest,
      "content-length": bytes.length,
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Shims outlive the daemon: each is told its socket. */
function shimsOf(socket: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const command = commandOf(pid);
    return command.some((word) => word.includes("containerd-shim")) && command.includes(socket) ? [Number(pid)] : [];
  });
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

function unmountBelow(directory: string): void {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const points = lines.map((line) => line.split(" ")[4] ?? "").filter((point) => point.startsWith(`${directory}/`));
  for (const point of points.toReversed()) execFileSync("umount", ["--lazy", point]);
}
