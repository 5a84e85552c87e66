// How pods begin and end: what they share, hooks, the order of an end, what a node refuses and what it evicts.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Container, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { Events, Pods } from "@capstan/api/generated/resources";
import { NodeCluster, nodeMissing, type TestCluster } from "@capstan/testing/cluster";

const skip = nodeMissing();
const namespace = "default";
let fixture: NodeCluster;
let cluster: TestCluster;
let made = 0;

const program = "/opt/capstan/node_modules/node/bin/node";
const webServer = "require('http').createServer((q, r) => r.end('welcome')).listen(80)";
/** A master and its worker, which it starts again. */
const master = `while :; do ${program} -e "${webServer}"; done`;

before(async () => {
  if (skip) return;
  fixture = await NodeCluster.start({
    delays: { base: 50, cap: 400, reset: 600_000 },
    storagePeriodMs: 50,
    imageMap: [
      { pattern: "nginx", rootfs: "host", entrypoint: ["sh", "-c", master] },
      { pattern: "busybox", rootfs: "host", cmd: ["sh"] },
    ],
  });
  cluster = fixture.cluster;
});
after(async () => {
  await fixture?.[Symbol.asyncDispose]();
});

type Ref = { namespace: string; name: string };

async function run(containers: Partial<Container>[], spec: Partial<PodSpec> = {}): Promise<Ref> {
  const ref = { namespace, name: `pod-${made++}` };
  const all = containers.map((one, index) => ({ name: `c${index}`, image: "capstan/host", ...one }));
  const base = { nodeName: "node-1", terminationGracePeriodSeconds: 0, containers: all };
  await cluster.client.create(Pods, { metadata: { ...ref, labels: { app: "a" } }, spec: { ...base, ...spec } });
  return ref;
}

const sh = (script: string, rest: Partial<Container> = {}): Partial<Container> => ({
  command: ["sh", "-c", script],
  ...rest,
});
const until = (ref: Ref, wanted: (pod: Pod) => boolean) =>
  cluster.until(Pods, ref, (pod) => pod !== undefined && wanted(pod)) as Promise<Pod>;
const phase = (ref: Ref, wanted: string) => until(ref, ({ status }) => status?.phase === wanted);
const ready = (ref: Ref) => until(ref, ({ status }) => status?.containerStatuses?.every((one) => one.ready) === true);
const first = (pod: Pod) => pod.status?.containerStatuses?.[0];

async function exec({ name }: Ref, container: string, script: string): Promise<string> {
  const { stdout, stderr, code } = await cluster.kubectl(["exec", name, "-c", container, "--", "sh", "-c", script]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** Waits until an event of the pod has this reason. @returns its message */
async function told({ name }: Ref, reason: string): Promise<string> {
  const signal = AbortSignal.timeout(10_000);
  for await (const event of cluster.client.watch(Events, { namespace, signal })) {
    if (event.type === "BOOKMARK") continue;
    const { involvedObject, reason: found, message } = event.object;
    if (involvedObject.name === name && found === reason) return message ?? "";
  }
  return assert.fail(`no event ${reason} of ${name}`);
}

test("two containers share localhost, processes and a volume, and the first process reaps", { skip }, async () => {
  const volumeMounts = [{ mountPath: "/cache", name: "cache-volume" }];
  const ref = await run(
    [
      { name: "nginx", image: "nginx", volumeMounts },
      {
        name: "shell",
        image: "busybox",
        volumeMounts,
        securityContext: { capabilities: { add: ["SYS_PTRACE"] } },
        stdin: true,
        tty: true,
      },
    ],
    { shareProcessNamespace: true, volumes: [{ name: "cache-volume", emptyDir: {} }] },
  );
  await ready(ref);
  const get = `until ${program} -e "fetch('http://localhost').then((r) => r.text()).then(console.log, () => process.exit(1))"; do :; done`;
  assert.equal(await exec(ref, "shell", get), "welcome");
  const worker = await exec(ref, "shell", "pgrep -f '[c]reateServer.*listen.80' | tail -1");
  const again = await exec(
    ref,
    "shell",
    `kill -9 ${worker}; until new=$(pgrep -f '^${program} -e.*[l]isten.80' | tail -1) && [ "$new" != ${worker} ]; do :; done; echo $new`,
  );
  assert.notEqual(again, worker);
  const zombies = "sh -c 'sh -c true &' ; sleep 0.1; ps -eo stat= | grep -c ^Z || true";
  assert.equal(await exec(ref, "shell", zombies), "0");
  await exec(ref, "shell", "cd cache && touch test");
  assert.equal(await exec(ref, "nginx", "ls /cache"), "test");
});

test("hooks over HTTP and as a sleep; one that fails ends its container", { skip }, async () => {
  const asked: string[] = [];
  const server = createServer(({ url = "", headers }, response) => {
    asked.push(`${url} ${headers["x-hook"]}`);
    response.end();
  }).listen(0, "0.0.0.0");
  server.unref();
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const host = fixture.node.address;
  const hook = (path: string) => ({ httpGet: { host, port, path, httpHeaders: [{ name: "X-Hook", value: "yes" }] } });
  const hold = "trap 'exit 0' TERM; sleep 1000 & wait";
  const ref = await run([sh(hold, { lifecycle: { postStart: hook("/started"), preStop: hook("/stopping") } })], {
    terminationGracePeriodSeconds: 5,
  });
  await ready(ref);
  await cluster.client.delete(Pods, ref);
  await cluster.until(Pods, ref, (pod) => pod === undefined);
  server.close();
  assert.deepEqual(asked, ["/started yes", "/stopping yes"]);
  const slept = await run([sh(hold, { lifecycle: { postStart: { sleep: { seconds: 1 } } } })]);
  const early = await until(slept, (pod) => first(pod)?.state?.running !== undefined || first(pod)?.started === true);
  assert.equal((await ready(slept)).status?.phase, "Running");
  assert.ok(early);
  const failing = await run([sh("exec sleep 1000", { lifecycle: { postStart: { exec: { command: ["false"] } } } })]);
  const pod = await until(failing, (one) => first(one)?.state?.waiting?.reason === "PostStartHookError");
  assert.equal(first(pod)?.lastState?.terminated?.exitCode, 137);
  assert.match(await told(failing, "FailedPostStartHook"), /^PostStartHook failed: command 'false' exited with 1/);
  const socket = await run([sh("exec sleep 1000", { lifecycle: { postStart: { tcpSocket: { port: 80 } } } })]);
  assert.match(await told(socket, "FailedPostStartHook"), /lifecycle handler tcpSocket is not supported/);
});

test("hooks that never end, and probes that hang, are cut off", { skip }, async () => {
  const hang = { exec: { command: ["sleep", "1000"] } };
  const stuck = await run([sh("trap 'exit 0' TERM; sleep 1000 & wait", { lifecycle: { preStop: hang } })], {
    terminationGracePeriodSeconds: 1,
  });
  const starting = await run([sh("exec sleep 1000", { lifecycle: { postStart: hang } })]);
  const probed = await run([
    sh("exec sleep 1000", {
      readinessProbe: { ...hang, timeoutSeconds: 1, periodSeconds: 1 },
      livenessProbe: {
        ...hang,
        timeoutSeconds: 1,
        periodSeconds: 1,
        failureThreshold: 1,
        terminationGracePeriodSeconds: 1,
      },
    }),
  ]);
  await ready(stuck);
  await told(starting, "Started");
  await Promise.all([stuck, starting].map((ref) => cluster.client.delete(Pods, ref)));
  await Promise.all([stuck, starting].map((ref) => cluster.until(Pods, ref, (pod) => pod === undefined)));
  const pod = await until(probed, (one) => first(one)?.restartCount === 1);
  assert.equal(first(pod)?.ready, false);
  const [text, killing] = await Promise.all([told(probed, "Unhealthy"), told(probed, "Killing")]);
  assert.match(text, /probe failed: command timed out: "sleep 1000" timed out after 1s$/);
  assert.equal(killing, "Container c0 failed liveness probe, will be restarted");
});

test("an end: all hooks at once, side-cars last in reverse, and unready from the probe's word on", {
  skip,
}, async () => {
  const volumeMounts = [{ name: "v", mountPath: "/v" }];
  const noted = (name: string) => ({
    ...sh(`trap 'echo ${name} >>/v/log; exit 0' TERM; while :; do sleep 0.02; done`, { volumeMounts }),
    name,
    image: "capstan/host",
  });
  const lifecycle = { preStop: { exec: { command: ["sh", "-c", "echo hook >>/v/log"] } } };
  const sidecar = (name: string): Container => ({ ...noted(name), restartPolicy: "Always", lifecycle });
  const main: Container = {
    ...noted("main"),
    lifecycle: {
      preStop: { exec: { command: ["sh", "-c", "touch /v/going; until [ -e /v/seen ]; do sleep 0.02; done"] } },
    },
    readinessProbe: { exec: { command: ["sh", "-c", "[ ! -e /v/going ]"] }, periodSeconds: 1, failureThreshold: 1 },
  };
  const path = `${fixture.node.dataDir}/end`;
  const ref = await run([main], {
    terminationGracePeriodSeconds: 20,
    initContainers: [sidecar("one"), sidecar("two")],
    volumes: [{ name: "v", hostPath: { path, type: "DirectoryOrCreate" } }],
  });
  await ready(ref);
  await cluster.client.delete(Pods, ref);
  const unready = await until(ref, (pod) => first(pod)?.ready === false);
  assert.equal(unready.status?.conditions?.find(({ type }) => type === "Ready")?.status, "False");
  await exec(ref, "main", "touch /v/seen");
  await cluster.until(Pods, ref, (pod) => pod === undefined);
  const after = await run([sh("cat /v/log >/dev/termination-log", { volumeMounts })], {
    restartPolicy: "Never",
    volumes: [{ name: "v", hostPath: { path } }],
  });
  const said = first(await phase(after, "Succeeded"))?.state?.terminated?.message;
  assert.equal(said, "hook\nhook\nmain\ntwo\none\n");
});

test("a node refuses what it has no room for", { skip }, async () => {
  const big = await phase(await run([sh("true", { resources: { requests: { cpu: "1000" } } })]), "Failed");
  assert.equal(big.status?.reason, "OutOfcpu");
  assert.match(
    big.status?.message ?? "",
    /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: /,
  );
  assert.equal(big.status?.containerStatuses, undefined, "kubectl shows the pod's reason where no container has one");
  const elsewhere = await phase(await run([sh("true")], { nodeSelector: { none: "x" } }), "Failed");
  assert.equal(elsewhere.status?.reason, "NodeAffinity");
  const ports = [{ containerPort: 80, hostPort: 39_481 }];
  const holder = await run([sh("exec sleep 1000", { ports })]);
  await ready(holder);
  const second = await phase(await run([sh("true", { ports })]), "Failed");
  assert.equal(second.status?.reason, "NodePorts");
  assert.equal(await told({ namespace, name: second.metadata.name }, "NodePorts"), "Predicate NodePorts failed");
});

test("a pod that has more on disk than it may is evicted", { skip }, async () => {
  const volumeMounts = [{ name: "v", mountPath: "/v" }];
  const fill = (path: string) => `head -c 3000000 /dev/zero >${path}; exec sleep 1000`;
  const volume = await run([sh(fill("/v/file"), { volumeMounts })], {
    volumes: [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }],
  });
  const layer = await run([sh(fill("/usr/file"), { resources: { limits: { "ephemeral-storage": "1Mi" } } })]);
  const [one, two] = await Promise.all([phase(volume, "Failed"), phase(layer, "Failed")]);
  assert.deepEqual([one.status?.reason, two.status?.reason], ["Evicted", "Evicted"]);
  assert.equal(one.status?.message, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ');
  assert.equal(two.status?.message, 'Container c0 exceeded its local ephemeral storage limit "1Mi". ');
  const condition = one.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.deepEqual([condition?.status, condition?.reason], ["True", "TerminationByKubelet"]);
  assert.equal(await told(volume, "Evicted"), one.status?.message);
});

test("/dev/shm can be enlarged, labels reach files while the pod runs", { skip }, async () => {
  const ref = await run(
    [
      sh("df -k /dev/shm | tail -1 | awk '{print $2}'; exec sleep 1000", {
        volumeMounts: [
          { name: "shm", mountPath: "/dev/shm" },
          { name: "info", mountPath: "/info" },
          { name: "logs", mountPath: "/logs", subPathExpr: "$(NAME)/deep" },
        ],
        env: [{ name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
      }),
    ],
    {
      volumes: [
        { name: "shm", emptyDir: { medium: "Memory", sizeLimit: "128Mi" } },
        { name: "info", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
        { name: "logs", emptyDir: {} },
      ],
    },
  );
  await ready(ref);
  await exec(ref, "c0", "touch /logs/x");
  const { stdout } = await cluster.kubectl(["logs", ref.name]);
  assert.equal(stdout, "131072\n");
  const body = { metadata: { labels: { app: "b" } } };
  await cluster.client.patch(Pods, ref, { type: "merge", body });
  assert.equal(await exec(ref, "c0", `until grep -q b /info/labels; do sleep 0.02; done; cat /info/labels`), 'app="b"');
});
