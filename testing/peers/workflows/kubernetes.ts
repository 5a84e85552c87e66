// A real kube-apiserver with etcd, Debian's containerd, and between them what a cluster needs: controllers, a scheduler, a
// proxy and a node agent. Two processes of `capstan operate` run the workflows; the one that leads is killed on the way.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { hostname, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { Leases } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createControllers } from "@capstan/cluster/controllers";
import { createServiceProxy } from "@capstan/cluster/proxy";
import { createScheduler } from "@capstan/cluster/scheduler";
import { type Client, createClient } from "@capstan/core/client";
import { openAuthority } from "@capstan/core/pki";
import { createInformers, type Informers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
import { startTestNode } from "../../cluster/index.ts";
import { type Containerd, startContainerd } from "../../containerd/index.ts";
import { startPeer } from "../contract.ts";
import { type Programs, stop } from "../kube-apiserver/start.ts";
import { disturb, firstPod } from "./disturb.ts";
import { buildExecutorImage, executorImage } from "./executor-image.ts";
import { casesFor } from "./manifests.ts";
import { kubectlOf, prepare, runCases, type Summary } from "./run-cases.ts";

const bin = join(import.meta.dirname, "../../../apps/capstan/bin.js");

/** Resolves to what the cases came to. */
export async function runOnKubernetes(programs: Programs): Promise<Summary> {
  const root = mkdtempSync(join(tmpdir(), "workflows-"));
  await using containerd = await startContainerd();
  containerd.ctr("images", "import", buildExecutorImage(containerd.directory));
  const peer = await startPeer(programs, root, ["--bind-address=0.0.0.0", `--advertise-address=${ownAddress()}`]);
  const over = new AbortController();
  const { transport } = await openKubeconfig(peer.kubeconfig);
  const client = createClient(transport.handler, { userAgent: "cluster" });
  const informers = createInformers(client, { log: silent });
  const cluster = { client, informers, log: silent };
  // Pods reach the API server at its Service's address, which is this machine's as long as the proxy runs.
  const service = ["local", "10.96.0.1/32", "dev", "lo"];
  execFileSync("ip", ["route", "replace", ...service]);
  const running = startCluster(root, cluster, over.signal);
  const operators: ChildProcess[] = [];
  try {
    await using _node = await startTestNode(cluster, { endpoint: containerd.endpoint });
    const artifacts = join(root, "artifacts");
    operators.push(startOperator(peer.kubeconfig, artifacts), startOperator(peer.kubeconfig, artifacts));
    return await work(kubectlOf(peer.kubeconfig), client, containerd, { operators, artifacts });
  } finally {
    for (const operator of operators) operator.kill("SIGTERM");
    over.abort();
    await running;
    execFileSync("ip", ["route", "del", ...service]);
    transport.close();
    await stop(peer.running);
    rmSync(root, { recursive: true, force: true });
  }
}

/** An address of this machine that pods reach; no Service has one of the loopback range. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  const found = all.find(({ family, internal }) => family === "IPv4" && !internal);
  if (!found) throw new Error("this machine has no address but those of the loopback range");
  return found.address;
}

async function startCluster(
  root: string,
  parts: { client: Client; informers: Informers; log: typeof silent },
  signal: AbortSignal,
) {
  const authority = await openAuthority({ directory: join(root, "pki") });
  const controllers = createControllers({
    ...parts,
    authority,
    rootCa: authority.cert,
    volumesDir: join(root, "volumes"),
    nodeGrace: 60_000,
  });
  const members = [
    parts.informers,
    ...controllers,
    createScheduler(parts),
    createServiceProxy({ ...parts, mode: "userspace" }),
  ];
  await Promise.all(members.map((member) => member.start(signal)));
}

function startOperator(kubeconfig: string, artifacts: string): ChildProcess {
  const volume = JSON.stringify({ hostPath: { path: artifacts, type: "DirectoryOrCreate" } });
  const words = ["--workflows", "--install", "--executor-image", executorImage, "--artifact-volume", volume];
  return spawn(process.execPath, [bin, "operate", "--kubeconfig", kubeconfig, ...words], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function work(
  kubectl: ReturnType<typeof kubectlOf>,
  client: Client,
  containerd: Containerd,
  { operators, artifacts }: { operators: ChildProcess[]; artifacts: string },
): Promise<Summary> {
  for (const kind of ["workflows", "workflowtaskresults", "cronworkflows"]) {
    const crd = `crd/${kind}.argoproj.io`;
    await kubectl(["wait", "--for=create", crd, "--timeout=60s"]);
    await kubectl(["wait", `--for=jsonpath={.status.acceptedNames.plural}=${kind}`, crd, "--timeout=60s"]);
  }
  await prepare(kubectl);
  console.log("kube-apiserver, executor in pods");
  const cases = casesFor({ busybox: containerd.pullable });
  const killing = firstPod(kubectl, cases[0]?.name ?? "").then(() => killLeader(client, operators));
  const [summary] = await Promise.all([runCases(kubectl, cases), killing]);
  await disturb(kubectl, containerd, containerd.pullable, artifacts);
  return summary;
}

async function killLeader(client: Client, operators: ChildProcess[]): Promise<void> {
  const lease = await client.get(Leases, { namespace: "kube-system", name: "capstan-operators" });
  const leader = operators.find(({ pid }) => lease.spec?.holderIdentity === `${hostname()}-${pid}`);
  assert.ok(leader, `nobody leads: ${lease.spec?.holderIdentity}`);
  const ended = once(leader, "exit");
  leader.kill("SIGKILL");
  await ended;
  console.log("  the leading operator was killed");
}
