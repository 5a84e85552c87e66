// Certificates: a key, a request and its signature, against cfssl's server, or openssl where there is no cfssl.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createAuthority,
  createKeyAndRequest,
  defaultProfile,
  readCsrConfig,
  signRequest,
} from "@capstan/core/pki/cfssl";
import { formatKey } from "@capstan/core/pki/x509";
import { freePort } from "../peers/kube-apiserver/start.ts";
import { type Figure, quantile } from "./report.ts";

const count = 1000;
const warm = 50;
/** Processes of openssl: each takes milliseconds to start. */
const processes = 50;

const request = (algo: string, size: number) => ({
  CN: "leaf",
  hosts: ["leaf.local", "10.0.0.1"],
  key: { algo, size },
  names: [{ C: "CN", O: "x" }],
});

/** 500 a second are 2 ms each. */
export async function measurePki(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  try {
    const top = await createAuthority(readCsrConfig(JSON.stringify(request("ecdsa", 256)), "authority"));
    const issuer = { cert: top.cert, key: top.key };
    writeFileSync(join(directory, "ca.pem"), top.cert);
    writeFileSync(join(directory, "ca-key.pem"), formatKey(top.key), { mode: 0o600 });
    const figures: Figure[] = [];
    for (const [algo, size, budget] of [
      ["ecdsa", 256, 2],
      ["ed25519", 256, undefined],
    ] as const) {
      const config = readCsrConfig(JSON.stringify(request(algo, size)), "request");
      const issue = async () => {
        const { csr, key } = await createKeyAndRequest(config);
        formatKey(key);
        await signRequest(issuer, csr, { profile: defaultProfile });
      };
      const samples = await timed(issue, count);
      const peer = await measurePeer(directory, algo, size);
      figures.push({
        name: `a certificate with its ${algo} key and request, one after the other`,
        unit: "ms",
        samples,
        peer,
        ...(budget === undefined ? {} : { budget }),
      });
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function timed(work: () => Promise<void>, times: number): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < times + warm; index++) {
    const started = performance.now();
    await work();
    if (index >= warm) samples.push(performance.now() - started);
  }
  return samples;
}

async function measurePeer(directory: string, algo: string, size: number): Promise<NonNullable<Figure["peer"]>> {
  const peers = process.env.CAPSTAN_PKI_PEERS;
  if (!peers) return { name: "openssl, two processes each", value: measureOpenssl(directory, algo) };
  const port = await freePort();
  const args = ["serve", "-address", "127.0.0.1", "-port", String(port), "-ca", "ca.pem", "-ca-key", "ca-key.pem"];
  const server = spawn(join(peers, "cfssl"), args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  try {
    await untilServing(server);
    const body = JSON.stringify({ request: request(algo, size) });
    const samples = await timed(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/cfssl/newcert`, { method: "POST", body });
      const { success } = (await answer.json()) as { success: boolean };
      if (!success) throw new Error("cfssl made no certificate");
    }, count);
    return { name: "cfssl serve", value: quantile(samples, 0.5) };
  } finally {
    server.kill("SIGTERM");
  }
}

async function untilServing(server: ChildProcess): Promise<void> {
  const ended = once(server, "exit").then(() => {
    throw new Error("cfssl serve has ended");
  });
  const serving = new Promise<void>((resolve) => {
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes("Now listening on")) resolve();
    });
  });
  await Promise.race([serving, ended]);
}

/** Median of a request with a new key, and its signature. */
function measureOpenssl(directory: string, algo: string): number {
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: directory, stdio: "pipe" });
  const key = algo === "ecdsa" ? "ec -pkeyopt ec_paramgen_curve:P-256" : algo;
  const samples = Array.from({ length: processes }, () => {
    const started = performance.now();
    openssl(
      `req -new -newkey ${key} -nodes -keyout key.pem -out leaf.csr -subj /CN=leaf -addext subjectAltName=DNS:leaf.local`,
    );
    openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca-key.pem -out leaf.pem -days 1 -copy_extensions copy");
    return performance.now() - started;
  });
  return quantile(samples, 0.5);
}
