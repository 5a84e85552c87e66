// Runs Go's own clients against a fresh Capstan: node testing/peers/run.ts [clients | helm | crds …]. Needs Go and its module proxy.
// "contract" runs the contract of the API on a real kube-apiserver instead, "operate" Capstan's operators, "expressions" the languages of workflows beside Argo's libraries, "pki" cfssl, kubeadm, nginx and curl on its certificates, "argo-cli" the argo command line, "records" PostgreSQL, "workflows" pods of containerd under the embedded control plane and under kube-apiserver.
// What is built stays in the user's cache directory, outside the repository.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { startInstance } from "../platform/instance.ts";
import { runContract } from "./contract.ts";
import { compareAnswers } from "./expressions/compare.ts";
import { handMade } from "./expressions/hand-made.ts";
import { randomQuestions } from "./expressions/random-questions.ts";
import { findPrograms } from "./kube-apiserver/start.ts";
import { runOperators } from "./operate.ts";
import { runWorkflows } from "./workflows/index.ts";

const here = import.meta.dirname;
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "capstan-peers");

/** Programs by name: the package each is built from. */
const builds: Record<string, [output: string, directory: string, target: string][]> = {
  clients: [["clients", "clients", "."]],
  helm: [["helm", "helm", "helm.sh/helm/v3/cmd/helm"]],
  crds: [],
  expressions: [["expressions", "expressions", "."]],
};
const kubernetes = join(here, "kube-apiserver", "build.sh");

/** Builds kube-apiserver and etcd where the environment names none. */
function findKubernetes() {
  const named = findPrograms();
  if (named) return named;
  const directory = join(cache, "kubernetes");
  const { status } = spawnSync("sh", [kubernetes, directory], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${kubernetes} failed`);
  return { apiserver: join(directory, "kube-apiserver"), etcd: join(directory, "etcd") };
}

/** Certificates against those of other programs, which build.sh makes where the environment names none. */
function runPki(): number {
  const directory = process.env.CAPSTAN_PKI_PEERS ?? join(cache, "pki");
  if (!process.env.CAPSTAN_PKI_PEERS) {
    const { status } = spawnSync("sh", [join(here, "pki", "build.sh"), directory], { stdio: "inherit" });
    if (status !== 0) throw new Error("testing/peers/pki/build.sh failed");
  }
  const files = globSync(join(here, "pki", "{cfssl,kubeadm,web}.ts"));
  const env = { ...process.env, CAPSTAN_PKI_PEERS: directory };
  return spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit", env }).status ?? 1;
}

/** The records' contract on PostgreSQL. */
function runRecords(): number {
  const file = join(here, "records", "records.ts");
  return spawnSync(process.execPath, ["--test", file], { stdio: "inherit" }).status ?? 1;
}

/** The argo command line, which build.sh makes where the environment names none. */
function runArgo(): number {
  const program = process.env.CAPSTAN_ARGO ?? join(cache, "argo");
  if (!existsSync(program)) {
    const { status } = spawnSync("sh", [join(here, "argo-cli", "build.sh"), cache], { stdio: "inherit" });
    if (status !== 0) throw new Error("testing/peers/argo-cli/build.sh failed");
  }
  const env = { ...process.env, CAPSTAN_ARGO: program };
  const file = join(here, "argo-cli", "tour.ts");
  return spawnSync(process.execPath, ["--test", file], { stdio: "inherit", env }).status ?? 1;
}

/** Stores of artifacts: MinIO, HDFS and git, which build.sh makes where the environment names none. */
function runStores(): number {
  const directory = process.env.CAPSTAN_STORE_PEERS ?? join(cache, "stores");
  if (!process.env.CAPSTAN_STORE_PEERS) {
    const { status } = spawnSync("sh", [join(here, "stores", "build.sh"), directory], { stdio: "inherit" });
    if (status !== 0) throw new Error("testing/peers/stores/build.sh failed");
  }
  const files = globSync(join(here, "stores", "{minio,hdfs,git,workflows}.ts"));
  const env = { ...process.env, CAPSTAN_STORE_PEERS: directory };
  return (
    spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...files], { stdio: "inherit", env }).status ?? 1
  );
}

/** What expressions answer, beside Argo's own libraries. Of random ones, bytes of texts and untyped nils may differ. */
async function runExpressions(): Promise<number> {
  const program = join(cache, "expressions");
  const known = await compareAnswers(program, handMade());
  const random = await compareAnswers(program, randomQuestions(Date.now(), 20_000));
  return known > 0 || random > 20 ? 1 : 0;
}

function build(name: string): void {
  for (const [output, directory, target] of builds[name] ?? []) {
    const args = ["build", "-o", join(cache, output), target];
    const { status } = spawnSync("go", args, { cwd: join(here, directory), stdio: "inherit" });
    if (status !== 0) throw new Error(`go ${args.join(" ")} failed`);
  }
}

async function run(name: string): Promise<number> {
  if (name === "contract") return runContract(findKubernetes());
  if (name === "workflows") return runWorkflows(findKubernetes());
  if (name === "operate") return runOperators(findKubernetes());
  if (name === "argo-cli") return runArgo();
  if (name === "pki") return runPki();
  if (name === "stores") return runStores();
  if (name === "records") return runRecords();
  build(name);
  if (name === "expressions") return runExpressions();
  await using instance = startInstance();
  await instance.ready();
  const [command, args] =
    name === "clients"
      ? [join(cache, "clients"), []]
      : [name === "helm" ? "bash" : process.execPath, [join(here, name, name === "helm" ? "tour.sh" : "accept.ts")]];
  // Informers ask for a streamed list, which client-go can still be told not to.
  const features = { KUBE_FEATURE_WatchListClient: "true" };
  const env = { ...process.env, ...features, KUBECONFIG: instance.kubeconfig, PATH: `${cache}:${process.env.PATH}` };
  const child = spawn(command as string, args as string[], { env, stdio: "inherit" });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

const version = spawnSync("go", ["version"], { encoding: "utf8" });
if (version.status !== 0) {
  console.error("these need Go on the PATH: see https://go.dev/dl");
  process.exitCode = 1;
} else {
  mkdirSync(cache, { recursive: true });
  const all = [...Object.keys(builds), "argo-cli", "contract", "operate", "pki", "records", "stores", "workflows"];
  const names = process.argv.length > 2 ? process.argv.slice(2) : all;
  for (const name of names) {
    if (!all.includes(name)) throw new Error(`${name} is none of ${all.join(", ")}`);
    console.log(`# ${name}`);
    process.exitCode = (await run(name)) || process.exitCode;
  }
}
