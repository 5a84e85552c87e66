// Debian's docker-registry on a loopback port of its own, with its data in a temporary directory.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestImage } from "./image.ts";

/** What `htpasswd` registries take. */
export const account = { username: "puller", password: "secret-of-the-test" };
// bcrypt of the password.
const passwordHash = "$2y$05$abcdefghijklmnopqrstuu2hir4hxhqSzdkW1wYaCdjOyk2x8X6Wm";

export interface TokenAuth {
  realm: string;
  service: string;
  issuer: string;
  /** PEM of who signs tokens. */
  certificate: string;
}

export interface TestRegistryOptions {
  auth?: "htpasswd" | TokenAuth;
  /** PEM of the server's certificate and key. */
  tls?: { cert: string; key: string };
}

export class TestRegistry implements AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const directory = mkdtempSync(join(tmpdir(), "capstan-registry-"));
    const port = await freePort();
    writeFileSync(join(directory, "config.yml"), JSON.stringify(configuration(directory, port, options)));
    const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: "none" },
    });
    await listening(child);
    return new TestRegistry(`127.0.0.1:${port}`, child, directory);
  }

  private constructor(host: string, child: ChildProcess, directory: string) {
    this.host = host;
    this.#child = child;
    this.#directory = directory;
  }

  /** @returns the image's name, with the registry. */
  async push(name: string, image: TestImage, authorization?: string): Promise<string> {
    const [repository = "", tag = "latest"] = name.split(":");
    const base = `http://${this.host}/v2/${repository}`;
    const headers: Record<string, string> = authorization ? { authorization } : {};
    const put = async (url: string, body: Buffer, type: string) => {
      const answer = await fetch(url, {
        method: "PUT",
        headers: { ...headers, "content-type": type },
        body: new Uint8Array(body),
      });
      if (answer.status !== 201) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`);
    };
    const manifests: [string, Buffer, string][] = [];
    for (const [digest, bytes] of image.blobs) {
      const type = /"mediaType":"([^"]*(?:manifest|index)[^"]*)"/.exec(bytes.toString("latin1", 0, 200))?.[1];
      if (type) {
        manifests.push([digest, bytes, type]);
        continue;
      }
      const begun = await fetch(`${base}/blobs/uploads/`, { method: "POST", headers });
      if (begun.status !== 202) throw new Error(`POST ${base}: ${begun.status} ${await begun.text()}`);
      const at = new URL(begun.headers.get("location") ?? "", base);
      at.searchParams.set("digest", digest);
      await put(at.href, bytes, "application/octet-stream");
    }
    // What an index names has to be there before it.
    manifests.sort(([a]) => (a === image.top.digest ? 1 : -1));
    for (const [digest, bytes, type] of manifests) await put(`${base}/manifests/${digest}`, bytes, type);
    const [, bytes, type] = manifests.at(-1) as [string, Buffer, string];
    await put(`${base}/manifests/${tag}`, bytes, type);
    return `${this.host}/${repository}:${tag}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString("base64")}`;

function configuration(directory: string, port: number, { auth, tls }: TestRegistryOptions): unknown {
  const access = () => {
    if (auth === undefined) return {};
    if (auth === "htpasswd") {
      const path = join(directory, "htpasswd");
      writeFileSync(path, `${account.username}:${passwordHash}\n`);
      return { auth: { htpasswd: { realm: "test", path } } };
    }
    const rootcertbundle = join(directory, "tokens.crt");
    writeFileSync(rootcertbundle, auth.certificate);
    const { realm, service, issuer } = auth;
    return { auth: { token: { realm, service, issuer, rootcertbundle } } };
  };
  return {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, "data") }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, ...(tls ? { tls: files(directory, tls) } : {}) },
    ...access(),
  };
}

function files(directory: string, { cert, key }: { cert: string; key: string }) {
  const paths = { certificate: join(directory, "server.crt"), key: join(directory, "server.key") };
  writeFileSync(paths.certificate, cert);
  writeFileSync(paths.key, key);
  return paths;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when the registry says so in its log. */
async function listening(child: ChildProcess): Promise<void> {
  let said = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("error", reject);
  child.on("exit", (code) => reject(new Error(`docker-registry ended with exit code ${code}: ${said}`)));
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    said += said.length < 65_536 ? text : "";
    if (said.includes("listening on")) resolve();
  });
  await promise;
}
