// Runs a directory of Argo manifests, unmodified, on a fresh Capstan: node testing/conformance/argo.ts <directory> [part of a file name …]
// The directory's run.txt lists the Workflows that must succeed; all other YAML files are applied first.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ConfigMaps, PersistentVolumeClaims, RoleBindings } from "@capstan/api/generated/resources";
import { ClusterWorkflowTemplates, type Workflow, Workflows, WorkflowTemplates } from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import { type Client, createClient } from "@capstan/core/client";
import { loadKubeconfig } from "@capstan/core/wire";
import { readManifests } from "@capstan/operators/workflow";

const root = new URL("../../", import.meta.url).pathname;
const namespace = "default";
/** A workflow that takes longer has failed, milliseconds. */
const patience = 40_000;
const atOnce = 4;

const host = { rootfs: "host" };
function imageMap(directory: string): Record<string, object> {
  const names = ["busybox", "alpine", "debian", "ubuntu", "python", "node", "nginx", "docker/whalesay", "cowsay"];
  const plain = Object.fromEntries(
    names.flatMap((name) => [
      [name, host],
      [`${name}:*`, host],
    ]),
  );
  const argosay = { ...host, entrypoint: [join("/opt/examples", "argosay")] };
  return {
    ...plain,
    "curlimages/curl": host,
    "curlimages/curl:*": host,
    "argoproj/argosay:*": { ...argosay, entrypoint: ["sh", "-c", argosaySource(directory), "argosay"] },
  };
}
/** The stand-in's text itself: a container sees nothing of the examples' directory. */
const argosaySource = (directory: string) => readFileSync(join(directory, "argosay"), "utf8");

const kinds: Record<string, Resource<KubeObject>> = Object.fromEntries(
  [ConfigMaps, PersistentVolumeClaims, WorkflowTemplates, ClusterWorkflowTemplates, Workflows].map((r) => [
    r.kind,
    r as Resource<KubeObject>,
  ]),
);

const manifests = (file: string) => readManifests(readFileSync(file, "utf8"));

async function apply(client: Client, object: New<KubeObject>): Promise<void> {
  const resource = kinds[object.kind ?? ""];
  // What else lies there is not what a workflow refers to.
  if (!resource) return;
  const metadata = { ...object.metadata, ...(resource.namespaced ? { namespace } : {}) };
  try {
    await client.create(resource, { ...object, metadata });
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}

async function run(
  client: Client,
  file: string,
): Promise<{ file: string; phase: string; note: string; seconds: number }> {
  const began = Date.now();
  const [manifest] = (await manifests(file)).filter(({ kind }) => kind === "Workflow");
  if (!manifest) throw new Error(`${file} holds no Workflow`);
  const made = await client.create(Workflows, {
    ...(manifest as New<Workflow>),
    metadata: { ...manifest.metadata, namespace },
  });
  const signal = AbortSignal.timeout(patience);
  let last: Workflow = made;
  try {
    for await (const event of client.watch(Workflows, {
      namespace,
      fieldSelector: `metadata.name=${made.metadata.name}`,
      signal,
    })) {
      if (event.type === "BOOKMARK") continue;
      last = event.object;
      if (event.type === "DELETED" || last.status?.finishedAt) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const { phase = "none", message = "", nodes = {} } = last.status ?? {};
  const bad = Object.values(nodes).filter((node) => node.message && node.type === "Pod");
  const note =
    phase === "Succeeded"
      ? ""
      : [message, ...bad.map((node) => `${node.displayName}: ${node.message}`)].filter(Boolean).join(" | ");
  return { file, phase, note, seconds: (Date.now() - began) / 1000 };
}

async function main(): Promise<number> {
  const [given, ...parts] = process.argv.slice(2);
  if (!given) throw new Error("usage: argo.ts <directory of examples> [part of a file name …]");
  const directory = resolve(given);
  const wanted = readFileSync(join(directory, "run.txt"), "utf8").split("\n").filter(Boolean);
  const data = mkdtempSync(join(tmpdir(), "capstan-argo-"));
  const map = join(data, "images.json");
  writeFileSync(map, JSON.stringify(imageMap(directory)));
  const bin = join(root, "apps/capstan/bin.js");
  const ports = ["--api-port", "0", "--console-port", "0", "--gateway-port", "0"];
  const home = join(data, "home");
  const up = spawn(process.execPath, [bin, "up", "--data-dir", home, "--no-quickstart", "--image-map", map, ...ports], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const gone = once(up, "exit");
  try {
    const status = spawn(process.execPath, [bin, "status", "--data-dir", home, "--wait", "60"], { stdio: "ignore" });
    const [code] = await once(status, "exit");
    if (code !== 0) throw new Error("Capstan did not become ready");
    const client = createClient(await loadKubeconfig(join(home, "kubeconfig")));
    return await runAll(client, directory, wanted, parts);
  } finally {
    up.kill("SIGINT");
    await gone;
    if (process.env.KEEP) console.log(`kept ${data}`);
    else rmSync(data, { recursive: true, force: true });
  }
}

async function runAll(client: Client, directory: string, wanted: string[], parts: string[]): Promise<number> {
  // Some examples change objects with the rights of the default account.
  await client.create(RoleBindings, {
    metadata: { name: "default-admin", namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
    subjects: [{ kind: "ServiceAccount", name: "default", namespace }],
  });
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  for (const name of files.filter((name) => !wanted.includes(name))) {
    for (const object of await manifests(join(directory, name)))
      if (object.kind !== "Workflow") await apply(client, object);
  }
  const chosen = wanted.filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));
  const queue = chosen.values();
  let failures = 0;
  const work = async () => {
    for (const name of queue) {
      const { phase, note, seconds } = await run(client, join(directory, name));
      if (phase !== "Succeeded") failures++;
      console.log(`${phase === "Succeeded" ? "ok  " : "FAIL"} ${name} ${phase} ${seconds.toFixed(2)} s ${note}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  console.log(`${chosen.length - failures} of ${chosen.length} reached Succeeded`);
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main();
