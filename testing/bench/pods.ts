// A pod's way to Running: ours with each runtime, and the same pod by crictl on the same containerd in the same run.
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Pods } from "@capstan/api/generated/resources";
import { canBridge } from "@capstan/core/runtime";
import { NodeCluster } from "../cluster/index.ts";
import { type Containerd, containerdMissing, startContainerd } from "../containerd/index.ts";
import { type Figure, quantile } from "./report.ts";

const run = promisify(execFile);
const pods = 15;
const command = ["sleep", "1000"];

/** CAPSTAN_CRICTL names the program that testing/peers/crictl/build.sh makes. */
export async function measurePods(): Promise<Figure[]> {
  const missing = containerdMissing() ?? (canBridge() ? undefined : "that needs root and the program ip");
  if (missing) throw new Error(`bench pods: ${missing}`);
  const crictl = process.env.CAPSTAN_CRICTL;
  if (!crictl || !existsSync(crictl))
    throw new Error("bench pods: run testing/peers/crictl/build.sh and export what it says");
  await using containerd = await startContainerd();
  const samples = { unshare: [] as number[], runc: [] as number[], containerd: [] as number[] };
  // In turns, so that what else the machine does meets all of them.
  const ours = {
    unshare: await NodeCluster.start({ launcher: "unshare" }),
    runc: await NodeCluster.start({ launcher: "runc" }),
    containerd: await NodeCluster.start({ endpoint: containerd.endpoint }),
  };
  const peer: number[] = [];
  try {
    for (let round = -1; round < pods; round++) {
      for (const name of ["unshare", "runc", "containerd"] as const) {
        const milliseconds = await timePod(ours[name], containerd.pullable, `${name}${round + 1}`);
        if (round >= 0) samples[name].push(milliseconds);
      }
      const milliseconds = await timeCrictl(crictl, containerd, round + 1);
      if (round >= 0) peer.push(milliseconds);
    }
  } finally {
    for (const parts of Object.values(ours)) await parts[Symbol.asyncDispose]();
    await removeAll(crictl, containerd);
  }
  const against = (least: number | undefined) => ({
    name: "crictl on containerd",
    value: quantile(peer, 0.5),
    ...(least ? { wanted: { most: 1 / least } } : {}),
  });
  return [
    { name: "pod create → Running, unshare", unit: "ms", samples: samples.unshare, budget: 60, peer: against(5) },
    { name: "pod create → Running, runc", unit: "ms", samples: samples.runc, budget: 120, peer: against(5) },
    {
      name: "pod create → Running, containerd",
      unit: "ms",
      samples: samples.containerd,
      peer: against(undefined),
    },
  ];
}

/** Milliseconds from the create to the phase. The image is there from the first round on. */
async function timePod({ cluster, node }: NodeCluster, image: string, name: string): Promise<number> {
  const ref = { namespace: "default", name };
  const begun = performance.now();
  await cluster.client.create(Pods, {
    metadata: ref,
    spec: {
      nodeName: node.name,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "c", image, imagePullPolicy: "IfNotPresent", command }],
    },
  });
  await cluster.until(Pods, ref, (pod) => pod?.status?.phase === "Running");
  return performance.now() - begun;
}

/** `crictl run` makes a sandbox, a container in it, and starts that: the same calls as an agent's. */
async function timeCrictl(crictl: string, containerd: Containerd, index: number): Promise<number> {
  const file = (name: string, content: object) => {
    const path = join(containerd.directory, `${name}.json`);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const metadata = { name: `crictl${index}`, namespace: "default", uid: `crictl${index}`, attempt: 0 };
  const pod = file("pod", { metadata, log_directory: containerd.directory, linux: {} });
  const container = file("container", {
    metadata: { name: "c" },
    image: { image: containerd.image },
    command,
    log_path: `crictl${index}.log`,
    linux: {},
  });
  const begun = performance.now();
  await run(crictl, [...at(containerd), "run", "--no-pull", container, pod]);
  return performance.now() - begun;
}

const at = ({ endpoint }: Containerd) => [
  ...["--runtime-endpoint", endpoint, "--image-endpoint", endpoint],
  ...["--timeout", "60s"],
];

async function removeAll(crictl: string, containerd: Containerd): Promise<void> {
  const { stdout } = await run(crictl, [...at(containerd), "pods", "--quiet"]);
  const ids = stdout.split("\n").filter(Boolean);
  if (ids.length > 0) await run(crictl, [...at(containerd), "rmp", "--force", ...ids]);
}
