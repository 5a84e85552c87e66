// FlexVolumes for real: drivers are programs, what they mount is mounted.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DaemonSet } from "@capstan/api/generated/apps-v1";
import type { Container, Pod, PodSpec, Volume } from "@capstan/api/generated/core-v1";
import {
  ConfigMaps,
  Events,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  Secrets,
} from "@capstan/api/generated/resources";
import { nodeMissing, startTestNode, TestCluster, type TestNode } from "@capstan/testing/cluster";
import { parse } from "yaml";
import { mountsBelow } from "./volumes/mount-table.ts";

const skip = nodeMissing();
const namespace = "default";
const examples = join(import.meta.dirname, "../../examples/flexvolume");
let directory: string;
let cluster: TestCluster;
let node: TestNode;
let made = 0;

const startNode = () => startTestNode(cluster, { dataDir: join(directory, "node"), driverTimeoutMs: 400 });

before(async () => {
  if (skip) return;
  directory = mkdtempSync(join(tmpdir(), "capstan-flex-"));
  mkdirSync(join(directory, "node"));
  cluster = await TestCluster.start();
  node = await startNode();
});
after(async () => {
  if (skip) return;
  await node[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  assert.deepEqual(mountsBelow(directory), []);
  rmSync(directory, { recursive: true, force: true });
});

/** Puts a driver in its place, whole at once. */
function install(name: string, script: string): void {
  const place = join(node.volumePluginDir, name.replace("/", "~"));
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, name.split("/")[1] ?? name), `#!/bin/sh\n${script}`, { mode: 0o755 });
}

async function run(
  script: string,
  volume: Omit<Volume, "name">,
  spec: Partial<PodSpec> = {},
  main: Partial<Container> = {},
) {
  const ref = { namespace, name: `pod-${made++}` };
  const container: Container = {
    name: "main",
    image: "capstan/host",
    command: ["sh", "-c", script],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    ...main,
  };
  const volumes = [{ name: "data", ...volume }];
  const base = { nodeName: "node-1", terminationGracePeriodSeconds: 1, containers: [container], volumes };
  await cluster.client.create(Pods, { metadata: ref, spec: { restartPolicy: "Never", ...base, ...spec } });
  return ref;
}

const hold = "trap 'exit 0' TERM; sleep 1000 & wait";

type Ref = { namespace: string; name: string };
const until = (ref: Ref, wanted: (pod: Pod) => boolean) =>
  cluster.until(Pods, ref, (pod) => pod !== undefined && wanted(pod)) as Promise<Pod>;
const running = (ref: Ref) => until(ref, (pod) => pod.status?.containerStatuses?.[0]?.ready === true);
const remove = async (ref: Ref) => {
  await cluster.client.delete(Pods, ref);
  await cluster.until(Pods, ref, (pod) => pod === undefined);
};
const said = async (ref: Ref) => {
  const pod = await until(ref, ({ status }) => ["Succeeded", "Failed"].includes(status?.phase ?? ""));
  return pod.status?.containerStatuses?.[0]?.state?.terminated?.message;
};

/** Waits for a FailedMount event of the pod whose message is as wanted. */
async function failedMount({ name }: Ref, wanted: RegExp): Promise<void> {
  const seen: string[] = [];
  const options = { namespace, fieldSelector: `involvedObject.name=${name},reason=FailedMount` };
  const { items, resourceVersion } = await cluster.client.list(Events, options);
  for (const { message = "" } of items) if (wanted.test(seen[seen.push(message) - 1] ?? "")) return;
  const watch = cluster.client.watch(Events, {
    ...options,
    resourceVersion,
    signal: AbortSignal.timeout(10_000),
  });
  for await (const event of watch) {
    if (event.type === "BOOKMARK") continue;
    const { message = "" } = event.object;
    seen.push(message);
    if (wanted.test(message)) return;
  }
  assert.fail(`no FailedMount event like ${wanted}: ${seen.join("\n")}`);
}

test("a pod waits for the NFS driver that a DaemonSet's pod installs", { skip }, async () => {
  const served = join(directory, "served/exports/data");
  mkdirSync(served, { recursive: true });
  writeFileSync(join(served, "file"), "from the server\n");
  const manifest = parse(readFileSync(join(examples, "pod.yaml"), "utf8")) as Pod;
  const flexVolume = manifest.spec.volumes?.[0]?.flexVolume as NonNullable<Volume["flexVolume"]>;
  const readinessProbe = { exec: { command: ["test", "-s", "/data/made"] }, periodSeconds: 1 };
  const ref = await run(`cat /data/file >/data/made; ${hold}`, { flexVolume }, {}, { readinessProbe });
  await failedMount(
    ref,
    /no volume plugin matched: driver "k8s\/nfs" is not installed, it must be an executable at .*k8s~nfs\/nfs$/,
  );
  // Its server is a directory of this machine, reached as an NFS server would be.
  const tools = join(directory, "tools");
  mkdirSync(tools);
  writeFileSync(
    join(tools, "mount"),
    `#!/bin/sh\n[ "$1 $2" = "-t nfs" ] || exit 9\nexec /bin/mount --bind "${directory}/served/$(echo "$5" | cut -d: -f2)" "$6"\n`,
  );
  writeFileSync(join(tools, "mount.nfs"), "");
  for (const name of ["mount", "mount.nfs"]) chmodSync(join(tools, name), 0o755);
  const driver = readFileSync(join(examples, "nfs"), "utf8").replace("\n", `\nPATH=${tools}:$PATH\n`);
  await cluster.client.create(ConfigMaps, { metadata: { namespace, name: "flexvolume-nfs" }, data: { nfs: driver } });
  const { spec } = parse(readFileSync(join(examples, "daemon-set.yaml"), "utf8")) as DaemonSet;
  const template = spec?.template.spec as PodSpec;
  const volumes = template.volumes?.map((volume) =>
    volume.hostPath ? { ...volume, hostPath: { ...volume.hostPath, path: node.volumePluginDir } } : volume,
  );
  const installer = { namespace, name: "installer" };
  await cluster.client.create(Pods, { metadata: installer, spec: { ...template, volumes, nodeName: "node-1" } });
  await running(ref);
  assert.equal(readFileSync(join(served, "made"), "utf8"), "from the server\n");
  const { metadata } = await cluster.client.get(Pods, ref);
  const mounted = join(node.dataDir, "node/pods", metadata.uid ?? "", "volumes/data");
  assert.deepEqual(mountsBelow(mounted), [mounted]);
  await Promise.all([remove(ref), remove(installer)]);
  assert.deepEqual(mountsBelow(mounted), []);
  assert.ok(!existsSync(mounted) && existsSync(join(served, "file")));
});

/** Attaches "devices" that are a tmpfs each, and writes down what it is asked. */
const attaching = (log: string) => `
echo "$*" >>${log}
case $1 in
  init) echo '{"status": "Success", "capabilities": {"attach": true}}' ;;
  getvolumename) echo '{"status": "Success", "volumeName": "disk-7"}' ;;
  attach) echo '{"status": "Success", "device": "/dev/seven"}' ;;
  waitforattach) echo '{"status": "Success", "device": "'$2'"}' ;;
  isattached) echo '{"status": "Success", "attached": true}' ;;
  mountdevice) mount -t tmpfs tmpfs "$2" && echo '{"status": "Success"}' ;;
  unmountdevice) umount "$2" && echo '{"status": "Success"}' ;;
  detach) echo '{"status": "Success"}' ;;
  *) echo '{"status": "Not supported"}' ;;
esac`;

async function written(file: string, text: string): Promise<void> {
  const changes = watch(file, { signal: AbortSignal.timeout(10_000) });
  if (readFileSync(file, "utf8").includes(text)) return;
  for await (const _ of changes) if (readFileSync(file, "utf8").includes(text)) return;
}

const calls = (log: string) =>
  readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[0]);

test("a driver that attaches: one device for two pods, secrets, the pod's group", { skip }, async () => {
  const log = join(directory, "attach.log");
  install("test/disk", attaching(log));
  const data = { key: btoa("s3cret") };
  await cluster.client.create(Secrets, { metadata: { namespace, name: "flex" }, type: "test/disk", data });
  const capacity = { storage: "1Gi" };
  const accessModes = ["ReadWriteMany"];
  const flexVolume = {
    driver: "test/disk",
    fsType: "ext4",
    options: { size: "7" },
    secretRef: { name: "flex", namespace },
  };
  await cluster.client.create(PersistentVolumes, {
    metadata: { name: "flex-pv" },
    spec: { capacity, accessModes, flexVolume, claimRef: { namespace, name: "flex" } },
  });
  await cluster.client.create(PersistentVolumeClaims, {
    metadata: { namespace, name: "flex" },
    spec: { accessModes, resources: { requests: capacity }, volumeName: "flex-pv" },
  });
  const bound = { type: "merge", body: { status: { phase: "Bound" } } } as const;
  await cluster.client.patch(PersistentVolumeClaims, { namespace, name: "flex" }, bound, { subresource: "status" });
  const claim = { persistentVolumeClaim: { claimName: "flex" } };
  const spec = { securityContext: { fsGroup: 4321 } };
  const first = await run(`echo hello >/data/file; ${hold}`, claim, spec);
  await running(first);
  const second = await run("stat -c %g /data/file | cat - /data/file >/dev/termination-log", claim, spec);
  assert.equal(await said(second), "4321\nhello\n");
  await remove(second);
  assert.ok(!calls(log).includes("detach"));
  await remove(first);
  // A pod that is over lets go of its volumes by itself, before the other's end or after it.
  await written(log, "detach");
  const asked = calls(log);
  assert.deepEqual(asked.slice(0, 6), ["init", "getvolumename", "attach", "waitforattach", "mountdevice", "mount"]);
  assert.deepEqual(asked.slice(-2), ["unmountdevice", "detach"]);
  assert.equal(asked.filter((one) => one === "attach").length, 1);
  const lines = readFileSync(log, "utf8").split("\n");
  const device = join(node.dataDir, "node/flexvolume/mounts");
  assert.match(lines.find((line) => line.startsWith("waitforattach")) ?? "", /^waitforattach \/dev\/seven \{/);
  assert.ok(lines.some((line) => line.startsWith(`mountdevice ${device}/`) && line.includes(" /dev/seven {")));
  assert.ok(lines.includes("detach disk-7 node-1"));
  const mount = lines.find((line) => line.startsWith("mount ")) ?? "";
  assert.deepEqual(JSON.parse(mount.slice(mount.indexOf("{"))), {
    "kubernetes.io/fsType": "ext4",
    "kubernetes.io/mounterArgs.FsGroup": "4321",
    "kubernetes.io/pod.name": first.name,
    "kubernetes.io/pod.namespace": namespace,
    "kubernetes.io/pod.uid": /pods\/([^/]+)\//.exec(mount)?.[1],
    "kubernetes.io/pvOrVolumeName": "flex-pv",
    "kubernetes.io/readwrite": "rw",
    "kubernetes.io/secret/key": data.key,
    "kubernetes.io/serviceAccount.name": "",
    size: "7",
  });
});

test("drivers that fail, babble, flood or hang are told, and a pod that waits for one can go", { skip }, async () => {
  const init = `[ $1 = init ] && { echo '{"status": "Success", "capabilities": {"attach": false}}'; exit; }\n`;
  install("bad/fails", `${init}echo '{"status": "Failure", "message": "no such share"}' >&2; exit 1`);
  install("bad/babbles", `${init}echo mounting...; exit 0`);
  install("bad/floods", `${init}yes`);
  install("bad/hangs", `${init}sleep 1000 & sleep 1000`);
  install("bad/init", "exit 3");
  install("bad/strange", `${init}echo '{"status": ["Success"], "message": {}}'`);
  const setUp = 'MountVolume.SetUp failed for volume "data" : ';
  const cases: [string, string][] = [
    ["bad/fails", "mount command failed, status: Failure, reason: no such share$"],
    ["bad/babbles", 'mount command failed, invalid output of driver .*: not a JSON object: "mounting..."$'],
    ["bad/floods", "mount command failed, it printed more than driverOutputLimit = 65536 bytes$"],
    ["bad/hangs", "mount command failed, timeout after 0.4s$"],
    ["bad/init", "init command failed, exit status 3, invalid output of driver .*: it printed nothing$"],
    ["bad/strange", "mount command failed, invalid output of driver .*: its status is not a string$"],
    ["../../bin/sh", 'no volume plugin matched: driver "../../bin/sh" is not installed'],
  ];
  await Promise.all(
    cases.map(async ([driver, message]) => {
      const ref = await run("true", { flexVolume: { driver } });
      await failedMount(ref, new RegExp(`^${setUp}${message}`));
      await remove(ref);
    }),
  );
});

test("mounts outlive the agent; without the node's containers nothing stays mounted", { skip }, async () => {
  const log = join(directory, "again.log");
  const volume = { flexVolume: { driver: "test/again" } };
  install("test/again", attaching(log));
  const ref = await run(hold, volume, { restartPolicy: "Always" });
  await running(ref);
  await node[Symbol.asyncDispose]();
  assert.deepEqual(mountsBelow(directory), []);
  assert.deepEqual(calls(log).slice(-2), ["unmountdevice", "detach"]);
  node = await startNode();
  await until(
    ref,
    (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1 && pod.status.containerStatuses[0].ready,
  );
  assert.equal(mountsBelow(join(node.dataDir, "node")).length, 2);
  await remove(ref);
  assert.deepEqual(mountsBelow(join(node.dataDir, "node")), []);
});
