// Pods for real: every test runs programs of this machine in namespaces of their own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Container, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { ConfigMaps, Events, Nodes, Pods, Secrets } from "@capstan/api/generated/resources";
import { NodeCluster, nodeMissing, type TestCluster } from "@capstan/testing/cluster";

const skip = nodeMissing();
const delays = { base: 50, cap: 400, reset: 600_000 };
let fixture: NodeCluster;
let cluster: TestCluster;
let made = 0;

before(async () => {
  if (skip) return;
  fixture = await NodeCluster.start({ delays });
  cluster = fixture.cluster;
});
after(async () => {
  await fixture?.[Symbol.asyncDispose]();
});

type Script = Partial<Container> & { script?: string };

function container({ script = "exec sleep 1000", ...rest }: Script, name = "main"): Container {
  return { name, image: "capstan/host", command: ["sh", "-c", script], ...rest };
}

async function run(script: Script, spec: Partial<PodSpec> = {}): Promise<{ namespace: string; name: string }> {
  const ref = { namespace: "default", name: `pod-${made++}` };
  const containers = [container(script)];
  const base = { nodeName: "node-1", terminationGracePeriodSeconds: 0, containers };
  await cluster.client.create(Pods, { metadata: { ...ref, labels: { app: "x" } }, spec: { ...base, ...spec } });
  return ref;
}

const until = (ref: { namespace: string; name: string }, wanted: (pod: Pod) => boolean) =>
  cluster.until(Pods, ref, (pod) => pod !== undefined && wanted(pod)) as Promise<Pod>;
const phase = (ref: { namespace: string; name: string }, wanted: string) =>
  until(ref, ({ status }) => status?.phase === wanted);
const main = (pod: Pod) => pod.status?.containerStatuses?.find(({ name }) => name === "main");
const ready = (pod: Pod) => main(pod)?.ready === true;

async function logs(ref: { name: string }, ...options: string[]): Promise<string> {
  const { stdout, stderr, code } = await cluster.kubectl(["logs", ref.name, ...options]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function output(script: Script, spec: Partial<PodSpec> = {}): Promise<string> {
  const ref = await run(script, { restartPolicy: "Never", ...spec });
  await until(ref, ({ status }) => ["Succeeded", "Failed"].includes(status?.phase ?? ""));
  return await logs(ref);
}

test("the node is registered and ready", { skip }, async () => {
  const node = await cluster.client.get(Nodes, { name: "node-1" });
  assert.equal(node.status?.conditions?.find(({ type }) => type === "Ready")?.status, "True");
  assert.equal(node.status?.nodeInfo?.kubeletVersion, "v1.34.1+capstan");
  assert.ok(Number(node.status?.capacity?.cpu) > 0);
});

test("a pod runs on the node's programs, sees none of its secrets, and leaves nothing on it", { skip }, async () => {
  const text = await output({
    script:
      "exec 2>&1; id -u; hostname; ls /root /home | wc -l; cat /etc/shadow; echo x >/usr/left; echo x >/etc/left; ls /usr/left; " +
      "test -e /opt/capstan/package.json && echo code; touch /opt/capstan/x; echo y >/proc/sys/kernel/domainname; ps ax | wc -l",
  });
  assert.match(text, /^0\npod-\d+\n/);
  assert.match(text, /No such file.*shadow|shadow.*No such file/);
  assert.match(text, /\/usr\/left\ncode\n/);
  assert.equal((text.match(/Read-only file system/g) ?? []).length, 2, text);
  assert.ok(!existsSync("/usr/left") && !existsSync("/etc/left"));
});

test("exit codes, restart policies and back-off", { skip }, async () => {
  const failed = await phase(await run({ script: "exit 3" }, { restartPolicy: "Never" }), "Failed");
  assert.equal(main(failed)?.state?.terminated?.exitCode, 3);
  assert.equal(main(failed)?.state?.terminated?.reason, "Error");
  const done = await phase(await run({ script: "exit 0" }, { restartPolicy: "OnFailure" }), "Succeeded");
  assert.equal(main(done)?.restartCount, 0);
  assert.equal(done.status?.conditions?.find(({ type }) => type === "Ready")?.reason, "PodCompleted");
  const looping = await run({ script: "exit 1" });
  const pod = await until(looping, (one) => main(one)?.state?.waiting?.reason === "CrashLoopBackOff");
  assert.match(main(pod)?.state?.waiting?.message ?? "", /^back-off 0s restarting failed container=main pod=pod-/);
  assert.equal(main(pod)?.lastState?.terminated?.exitCode, 1);
  await until(looping, (one) => (main(one)?.restartCount ?? 0) >= 3);
});

test("init containers run in order, a side-car beside the main one, and it ends after it", { skip }, async () => {
  const volumeMounts = [{ name: "v", mountPath: "/v" }];
  const spec: Partial<PodSpec> = {
    restartPolicy: "Never",
    volumes: [{ name: "v", emptyDir: {} }],
    initContainers: [
      container({ script: "echo 1 >>/v/order", volumeMounts }, "first"),
      {
        ...container(
          {
            script: "echo 2 >>/v/order; trap 'echo bye >>/v/order; exit 0' TERM; while :; do sleep 0.05; done",
            volumeMounts,
          },
          "side",
        ),
        restartPolicy: "Always",
        startupProbe: { exec: { command: ["grep", "-q", "2", "/v/order"] }, periodSeconds: 1 },
      },
      container({ script: "echo 3 >>/v/order", volumeMounts }, "second"),
    ],
    terminationGracePeriodSeconds: 5,
  };
  const ref = await run({ script: "echo 4 >>/v/order; cat /v/order", volumeMounts }, spec);
  const pod = await phase(ref, "Succeeded");
  assert.equal(await logs(ref), "1\n2\n3\n4\n");
  const side = pod.status?.initContainerStatuses?.find(({ name }) => name === "side");
  assert.equal(side?.state?.terminated?.exitCode, 0);
});

test("a failing init container fails a pod that never restarts", { skip }, async () => {
  const ref = await run({}, { restartPolicy: "Never", initContainers: [container({ script: "exit 9" }, "init")] });
  const pod = await phase(ref, "Failed");
  assert.equal(pod.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 9);
  assert.equal(main(pod)?.state?.waiting?.reason, "PodInitializing");
});

test("variables, ConfigMaps, Secrets and the downward API", { skip }, async () => {
  const namespace = "default";
  await cluster.client.create(ConfigMaps, { metadata: { namespace, name: "settings" }, data: { a: "1", b: "two" } });
  await cluster.client.create(Secrets, { metadata: { namespace, name: "hidden" }, data: { key: btoa("s3cret") } });
  const text = await output(
    {
      script: "echo $A-$P_a-$P_b-$S-$NAME-$EXPANDED-$CPU; cat /c/b /s/key /d/labels /d/cpu; ls /p",
      env: [
        { name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } },
        { name: "S", valueFrom: { secretKeyRef: { name: "hidden", key: "key" } } },
        { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
        { name: "EXPANDED", value: "<$(A)$(S)$$(A)$(NONE)>" },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
      ],
      envFrom: [{ prefix: "P_", configMapRef: { name: "settings" } }],
      resources: { limits: { cpu: "250m", memory: "64Mi" } },
      volumeMounts: ["c", "s", "d", "p"].map((name) => ({ name, mountPath: `/${name}`, readOnly: true })),
    },
    {
      volumes: [
        { name: "c", configMap: { name: "settings" } },
        { name: "s", secret: { secretName: "hidden" } },
        {
          name: "d",
          downwardAPI: {
            items: [
              { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
              { path: "cpu", resourceFieldRef: { containerName: "main", resource: "limits.cpu", divisor: "1m" } },
            ],
          },
        },
        {
          name: "p",
          projected: {
            sources: [
              { configMap: { name: "settings", items: [{ key: "a", path: "x/y" }] } },
              { secret: { name: "hidden" } },
            ],
          },
        },
      ],
    },
  );
  assert.equal(text, '1-1-two-s3cret-default-<1s3cret$(A)$(NONE)>-250\ntwos3cretapp="x"250key\nx\n');
});

test("a changed ConfigMap reaches the volume of a running pod", { skip }, async () => {
  const ref = { namespace: "default", name: "live" };
  await cluster.client.create(ConfigMaps, { metadata: ref, data: { v: "old" } });
  const script = "cat /c/v; touch /tmp/read; while grep -q old /c/v; do sleep 0.02; done; cat /c/v";
  const pod = await run(
    { script, volumeMounts: [{ name: "c", mountPath: "/c" }] },
    { restartPolicy: "Never", volumes: [{ name: "c", configMap: { name: "live" } }] },
  );
  await phase(pod, "Running");
  await cluster.kubectl(["exec", pod.name, "--", "sh", "-c", "until [ -e /tmp/read ]; do sleep 0.02; done"]);
  await cluster.client.patch(ConfigMaps, ref, { type: "merge", body: { data: { v: "new" } } });
  await phase(pod, "Succeeded");
  assert.equal(await logs(pod), "oldnew");
});

test("what a pod lacks is told, and it starts once it is there", { skip }, async () => {
  const ref = await run(
    { script: "cat /c/k", volumeMounts: [{ name: "c", mountPath: "/c" }] },
    {
      restartPolicy: "Never",
      volumes: [{ name: "c", configMap: { name: "late" } }],
    },
  );
  const other = await run(
    { script: "echo $X", env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "late", key: "k" } } }] },
    { restartPolicy: "Never" },
  );
  const waiting = await until(other, (pod) => main(pod)?.state?.waiting?.reason === "CreateContainerConfigError");
  assert.equal(main(waiting)?.state?.waiting?.message, 'configmap "late" not found');
  await cluster.client.create(ConfigMaps, { metadata: { namespace: "default", name: "late" }, data: { k: "here" } });
  await Promise.all([phase(ref, "Succeeded"), phase(other, "Succeeded")]);
  assert.equal(await logs(ref), "here");
  const { items } = await cluster.client.list(Events, {
    namespace: "default",
    fieldSelector: `involvedObject.name=${ref.name}`,
  });
  const mount = items.find(({ reason }) => reason === "FailedMount");
  assert.equal(mount?.message, 'MountVolume.SetUp failed for volume "c" : configmap "late" not found');
});

test("readiness follows its probe, liveness restarts", { skip }, async () => {
  const probe = (file: string) => ({ exec: { command: ["test", "-e", file] }, periodSeconds: 1, failureThreshold: 1 });
  const ref = await run({
    script: "touch /tmp/alive; exec sleep 1000",
    readinessProbe: probe("/tmp/ready"),
    livenessProbe: { ...probe("/tmp/alive"), initialDelaySeconds: 1 },
  });
  await until(ref, (pod) => main(pod)?.started === true && !ready(pod));
  const unready = await cluster.client.get(Pods, ref);
  const condition = unready.status?.conditions?.find(({ type }) => type === "Ready");
  assert.equal(condition?.message, "containers with unready status: [main]");
  await cluster.kubectl(["exec", ref.name, "--", "touch", "/tmp/ready"]);
  await until(ref, ready);
  await cluster.kubectl(["exec", ref.name, "--", "rm", "/tmp/alive"]);
  const restarted = await until(ref, (pod) => main(pod)?.restartCount === 1 && main(pod)?.state?.running !== undefined);
  assert.equal(main(restarted)?.lastState?.terminated?.exitCode, 137);
  assert.ok(!ready(restarted));
});

test("http and tcp probes reach the pod's own address", { skip }, async () => {
  const server =
    "require('http').createServer((q, r) => { r.statusCode = q.url === '/ok' ? 200 : 500; r.end(); }).listen(8000)";
  const ref = await run({
    command: ["/opt/capstan/node_modules/node/bin/node", "-e", server],
    ports: [{ name: "web", containerPort: 8000 }],
    startupProbe: { tcpSocket: { port: 8000 }, periodSeconds: 1, failureThreshold: 30 },
    readinessProbe: { httpGet: { path: "/ok", port: "web" }, periodSeconds: 1 },
  });
  const pod = await until(ref, ready);
  assert.match(pod.status?.podIP ?? "", /^10\./);
});

test("hooks run, and the grace bounds the end", { skip }, async () => {
  const ref = await run(
    {
      script: "trap 'echo term >>/v/log; exit 0' TERM; while :; do sleep 0.02; done",
      lifecycle: {
        postStart: { exec: { command: ["sh", "-c", "echo post >>/v/log"] } },
        preStop: { exec: { command: ["sh", "-c", "echo pre >>/v/log"] } },
      },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    },
    {
      terminationGracePeriodSeconds: 20,
      volumes: [{ name: "v", hostPath: { path: `${fixture.node.dataDir}/hooks`, type: "DirectoryOrCreate" } }],
    },
  );
  await phase(ref, "Running");
  await cluster.client.delete(Pods, ref);
  await cluster.until(Pods, ref, (pod) => pod === undefined);
  assert.equal(readFileSync(`${fixture.node.dataDir}/hooks/log`, "utf8"), "post\npre\nterm\n");
});

test("a deadline ends a pod, and memory beyond the limit a container", { skip }, async () => {
  const late = await phase(await run({}, { activeDeadlineSeconds: 1 }), "Failed");
  assert.equal(late.status?.reason, "DeadlineExceeded");
  const script =
    "node=/opt/capstan/node_modules/node/bin/node; exec $node -e 'const a=[]; for(;;) a.push(Buffer.alloc(1<<20, 1))'";
  const hog = await phase(
    await run({ script, resources: { limits: { memory: "80Mi" } } }, { restartPolicy: "Never" }),
    "Failed",
  );
  assert.equal(main(hog)?.state?.terminated?.reason, "OOMKilled");
  const whole = { resources: { limits: { memory: "80Mi", cpu: "1" } }, restartPolicy: "Never" };
  const shared = await phase(await run({ script }, whole), "Failed");
  assert.equal(main(shared)?.state?.terminated?.reason, "OOMKilled");
  assert.equal(shared.status?.qosClass, "Guaranteed");
  assert.deepEqual(shared.spec.resources?.requests, { memory: "80Mi", cpu: "1" });
});

test("termination messages come from the file, or from the log", { skip }, async () => {
  const file = await phase(
    await run(
      { script: "echo why >/dev/termination-log; exit 1", securityContext: { runAsUser: 1234 } },
      { restartPolicy: "Never" },
    ),
    "Failed",
  );
  assert.equal(main(file)?.state?.terminated?.message, "why\n");
  const fallback = { script: "echo said; exit 1", terminationMessagePolicy: "FallbackToLogsOnError" };
  const log = await phase(await run(fallback, { restartPolicy: "Never" }), "Failed");
  assert.equal(main(log)?.state?.terminated?.message, "said\n");
});

test("an unknown image is told with what helps, a wrong program too", { skip }, async () => {
  const unknown = await until(
    await run({ image: "registry.example/none:1" }),
    (pod) => main(pod)?.state?.waiting?.reason === "ImagePullBackOff",
  );
  assert.match(main(unknown)?.state?.waiting?.message ?? "", /--image-map/);
  const wrong = await until(
    await run({ command: ["no-such-program"] }, { restartPolicy: "Never" }),
    ({ status }) => status?.phase === "Failed",
  );
  const state = main(wrong)?.state?.terminated;
  assert.equal(state?.exitCode, 128);
  assert.equal(state?.reason, "StartError");
  assert.equal(state?.message, 'exec: "no-such-program": executable file not found in $PATH');
});

test("containers of a pod share localhost, and processes when asked", { skip }, async () => {
  const node = "/opt/capstan/node_modules/node/bin/node";
  const server = "require('net').createServer((s) => s.end('hello')).listen(7000, '127.0.0.1')";
  const client = `require('net').connect(7000, '127.0.0.1').on('data', (d) => console.log(String(d))).on('error', () => process.exit(1))`;
  const ref = await run(
    {},
    {
      shareProcessNamespace: true,
      restartPolicy: "Never",
      containers: [
        container({
          script: `until ${node} -e "${client}"; do sleep 0.1; done; pkill -f '[l]isten.7000' && echo killed`,
        }),
        { ...container({}, "other"), command: [node, "-e", server] },
      ],
    },
  );
  const pod = await until(
    ref,
    ({ status }) => status?.containerStatuses?.every(({ state }) => state?.terminated) === true,
  );
  assert.equal(await logs(ref, "-c", "main"), "hello\nkilled\n");
  assert.equal(pod.status?.containerStatuses?.find(({ name }) => name === "other")?.state?.terminated?.exitCode, 143);
});

test("users, groups, capabilities and a read-only root", { skip }, async () => {
  const text = await output(
    {
      script:
        "exec 2>&1; id -u; id -g; id -G; grep CapEff /proc/self/status; grep NoNew /proc/self/status; touch /x; touch /v/y && stat -c %g /v/y",
      securityContext: {
        runAsUser: 1234,
        runAsGroup: 77,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    },
    { securityContext: { fsGroup: 4321 }, volumes: [{ name: "v", emptyDir: {} }] },
  );
  assert.match(text, /^1234\n77\n77 4321\nCapEff:\t0{16}\nNoNewPrivs:\t1\n/);
  assert.match(text, /Read-only file system/);
  assert.match(text, /4321\n$/);
});

test("exec, its exit code and its terminal; logs that follow; cp; port-forward", { skip }, async () => {
  const server =
    "require('http').createServer((q, r) => r.end(q.url)).listen(7001, '127.0.0.1', () => console.log('up'))";
  const ref = await run({
    script: `echo one; echo two >&2; exec /opt/capstan/node_modules/node/bin/node -e "${server}"`,
  });
  await until(ref, ready);
  const exec = await cluster.kubectl(["exec", "-i", ref.name, "--", "sh", "-c", "cat; echo err >&2; exit 7"], "in\n");
  assert.deepEqual(exec, { stdout: "in\n", stderr: "err\ncommand terminated with exit code 7\n", code: 7 });
  const { url } = await cluster.listen();
  const spdy: Record<string, string>[] = [{}, { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false" }];
  for (const variables of spdy) {
    const text = await inTerminal(
      [
        "--server",
        url,
        "exec",
        "-it",
        ref.name,
        "--",
        "sh",
        "-c",
        'tty; while case "$(stty size)" in "0 "*|*" 0") ;; *) false;; esac; do sleep 0.02; done; stty size; exit 3',
      ],
      variables,
    );
    assert.match(text, /\/dev\/pts\/\d+\r\n30 100\r\ncommand terminated with exit code 3/);
  }
  const copied = await cluster.kubectl(["cp", "/etc/os-release", `${ref.name}:/tmp/copy`]);
  assert.equal(copied.code, 0, copied.stderr);
  assert.match((await cluster.kubectl(["exec", ref.name, "--", "cat", "/tmp/copy"])).stdout, /^PRETTY_NAME|\nNAME=/);
  const tunnels: Record<string, string>[] = [{}, { KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" }];
  for (const variables of tunnels) {
    assert.equal(await throughPort(["--server", url, "port-forward", `pod/${ref.name}`, ":7001"], variables), "/hello");
  }
  assert.match(await logs(ref, "--tail=1"), /^(up|two)\n$/);
  assert.match(await logs(ref, "--timestamps"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n/m);
  const following = spawn("kubectl", ["--server", url, "logs", "-f", ref.name], { env: environment({}) });
  let followed = "";
  for await (const data of following.stdout.setEncoding("utf8")) {
    if (followed === "") await cluster.client.delete(Pods, ref);
    followed += data;
  }
  assert.deepEqual(followed.trim().split("\n").sort(), ["one", "two", "up"]);
});

test("logs: of the last run, of a time, of all containers, and no more than asked for", { skip }, async () => {
  const talker = container({
    script:
      "echo run $(( $(cat /v/n 2>/dev/null || echo 0) + 1 )) >&2; echo 1 >/v/n; [ -s /v/again ] && exec sleep 1000; echo x >/v/again; exit 1",
  });
  const volumeMounts = [{ name: "v", mountPath: "/v" }];
  const containers = [{ ...talker, volumeMounts }, container({ script: "echo beside; exec sleep 1000" }, "other")];
  const ref = await run({}, { containers, volumes: [{ name: "v", emptyDir: {} }] });
  await until(ref, (pod) => main(pod)?.restartCount === 1 && ready(pod));
  const main0 = ["-c", "main"];
  assert.equal(await logs(ref, ...main0), "run 2\n");
  assert.equal(await logs(ref, ...main0, "--previous"), "run 1\n");
  assert.equal(await logs(ref, ...main0, "--limit-bytes=3"), "run");
  assert.equal(await logs(ref, ...main0, "--since=1h"), "run 2\n");
  assert.equal(await logs(ref, ...main0, "--since-time=2100-01-01T00:00:00Z"), "");
  const all = await logs(ref, "--all-containers", "--prefix");
  assert.deepEqual(all.trim().split("\n").sort(), [`[pod/${ref.name}/main] run 2`, `[pod/${ref.name}/other] beside`]);
  const none = await cluster.kubectl(["logs", ref.name, "-c", "other", "--previous"]);
  assert.match(none.stderr, /previous terminated container "other" in pod "pod-\d+" not found/);
});

function environment(variables: Record<string, string>) {
  return { PATH: process.env.PATH, HOME: fixture.node.dataDir, KUBECONFIG: "/dev/null", ...variables };
}

/** What kubectl shows in a terminal of 100 columns and 30 rows. */
async function inTerminal(args: string[], variables: Record<string, string>): Promise<string> {
  const line = `stty cols 100 rows 30; exec kubectl ${args.map((word) => `'${word}'`).join(" ")}`;
  const child = spawn("script", ["-qec", line, "/dev/null"], { env: { ...environment(variables), SHELL: "/bin/sh" } });
  let text = "";
  for await (const data of child.stdout.setEncoding("utf8")) text += data;
  return text;
}

async function throughPort(args: string[], variables: Record<string, string>): Promise<string> {
  const child = spawn("kubectl", args, { env: environment(variables) });
  try {
    for await (const data of child.stdout.setEncoding("utf8")) {
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(data) ?? [];
      if (port) return await (await fetch(`http://127.0.0.1:${port}/hello`)).text();
    }
    return "";
  } finally {
    child.kill();
  }
}
