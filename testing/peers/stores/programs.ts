// The real stores: started for one file of tests, in a directory that goes with them.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

/** Where build.sh put MinIO, HDFS and sshd. */
const peers = process.env.CAPSTAN_STORE_PEERS ?? "";

/** Why tests on a program are left out; undefined where it is there. */
export const missing = (name: string) =>
  existsSync(join(peers, name)) ? undefined : `${name} is not in ${peers || "CAPSTAN_STORE_PEERS"}: see build.sh`;

/** A directory that is removed, after what runs in it has ended. */
export function openDesk(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `capstan-${name}-`));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function endAfter(child: ChildProcess): void {
  after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.stdin?.end();
    child.kill("SIGTERM");
    await ended;
  });
}

export const minioKeys = { user: "capstan-test", password: "capstan-test-secret" };

/** @returns `host:port`. */
export async function startMinio(host = "127.0.0.1"): Promise<string> {
  const address = `${host}:${await freePort()}`;
  const env = { PATH: process.env.PATH, MINIO_ROOT_USER: minioKeys.user, MINIO_ROOT_PASSWORD: minioKeys.password };
  const args = ["server", "--address", address, openDesk("minio")];
  const child = spawn(join(peers, "minio"), args, { env, stdio: ["ignore", "pipe", "inherit"] });
  endAfter(child);
  // It says where it is when it serves.
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    if (line.includes(address)) break;
  child.stdout?.resume();
  return address;
}

/** @returns the port of the name node's HTTP server. */
export async function startHadoop(): Promise<number> {
  const source = join(import.meta.dirname, "MiniDfs.java");
  const args = ["-cp", join(peers, "hdfs", "*"), source, openDesk("hdfs")];
  const child = spawn("java", args, { stdio: ["pipe", "pipe", "ignore"] });
  endAfter(child);
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const port = /^READY (\d+)$/.exec(line)?.[1];
    if (!port) continue;
    child.stdout?.resume();
    return Number(port);
  }
  throw new Error("the name node ended before it served");
}

export interface Sshd {
  port: number;
  user: string;
  /** The private key that may log in. */
  key: string;
  /** A line of known_hosts. */
  known: string;
}

/** A server of ssh that runs for its user alone; as root in a mount namespace with the account that sshd wants. */
export async function startSshd(): Promise<Sshd> {
  const desk = openDesk("sshd");
  const at = (name: string) => join(desk, name);
  for (const name of ["host", "login"]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
  const port = await freePort();
  const lines = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${at("host")}`,
    `AuthorizedKeysFile ${at("login.pub")}`,
  ];
  const more = [
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    `PidFile ${at("pid")}`,
  ];
  writeFileSync(at("config"), [...lines, ...more, ""].join("\n"));
  const words = [join(peers, "sshd"), "-D", "-e", "-f", at("config")];
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    writeFileSync(
      at("passwd"),
      `${readFileSync("/etc/passwd", "utf8")}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`,
    );
    mkdirSync(at("empty"));
  }
  const setUp = `mount --bind ${at("passwd")} /etc/passwd && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"`;
  const [program = "", ...args] = isRoot ? ["unshare", "-m", "sh", "-c", setUp, "sh", ...words] : words;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  endAfter(child);
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream }))
    if (line.includes("listening")) break;
  child.stderr?.resume();
  const known = `[127.0.0.1]:${port} ${readFileSync(at("host.pub"), "utf8")}`;
  return { port, user: userInfo().username, key: readFileSync(at("login"), "utf8"), known };
}
