import assert from "node:assert/strict";
import { test } from "node:test";
import { containerMessage } from "./container-message.ts";
import { sandboxMessage } from "./sandbox-message.ts";

const place = { instance: "capstan-1", key: "k", attempt: 2, cgroupParent: "/capstan-1/k" };
const identity = { name: "p", namespace: "ns", uid: "u", hostname: "h", labels: { app: "a" } };

test("a sandbox in CRI's words", () => {
  const dns = { servers: ["10.0.0.10"], searches: ["ns.svc.cluster.local"], options: ["ndots:5"] };
  const message = sandboxMessage(
    { ...identity, namespaces: { sharePID: true }, dns, sysctls: { "net.core.somaxconn": "9" } },
    place,
  );
  assert.deepEqual(message.metadata, { name: "p", namespace: "ns", uid: "u", attempt: 2 });
  assert.equal(message.hostname, "h");
  assert.deepEqual(message.dnsConfig, dns);
  assert.deepEqual(message.labels, {
    app: "a",
    "io.kubernetes.pod.name": "p",
    "io.kubernetes.pod.namespace": "ns",
    "io.kubernetes.pod.uid": "u",
    "capstan.io/instance": "capstan-1",
  });
  assert.deepEqual(message.linux?.sysctls, { "net.core.somaxconn": "9" });
  assert.deepEqual(message.linux?.securityContext?.namespaceOptions, { network: "POD", ipc: "POD", pid: "POD" });
});

test("a pod on the node's network keeps the node's name; only pods with privileged containers are privileged", () => {
  const security = (privileged: boolean) => {
    const pod = {
      apiVersion: "v1" as const,
      kind: "Pod" as const,
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", securityContext: { privileged } }] },
    };
    return sandboxMessage({ ...identity, namespaces: { hostNetwork: true, hostPID: true }, pod }, place);
  };
  assert.equal(security(false).hostname, "");
  const { linux } = security(false);
  assert.equal(linux?.securityContext?.privileged, false);
  assert.deepEqual(linux?.securityContext?.namespaceOptions, { network: "NODE", ipc: "POD", pid: "NODE" });
  assert.equal(security(true).linux?.securityContext?.privileged, true);
});

test("a container in CRI's words: limits, users, devices, mounts, filters", () => {
  const message = containerMessage(
    {
      name: "c",
      attempt: 3,
      image: "busybox:1",
      args: ["x"],
      env: [{ name: "A", value: "b" }],
      mounts: [
        { hostPath: "/h", containerPath: "/c", readonly: true, propagation: "HostToContainer" },
        { hostPath: "/dev/fuse", containerPath: "/dev/fuse", device: true },
      ],
      labels: {},
      logPath: "/logs/c/3.log",
      resources: { cpuLimit: 0.5, cpuShares: 512, memoryLimit: 1024, pidsLimit: 10, oomScoreAdjust: 5 },
      security: { user: "7", group: 8, supplementalGroups: [9], seccomp: { type: "Localhost", path: "/p.json" } },
    },
    { instance: "capstan-1", key: "k", imageId: "sha256:1", namespaces: {}, pod: identity, unified: true },
  );
  assert.deepEqual(message.image, { image: "sha256:1", userSpecifiedImage: "busybox:1" });
  assert.equal(message.logPath, "logs/c/3.log");
  assert.deepEqual(message.mounts, [
    { containerPath: "/c", hostPath: "/h", readonly: true, propagation: "PROPAGATION_HOST_TO_CONTAINER" },
  ]);
  assert.deepEqual(message.devices, [{ hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rwm" }]);
  const { resources, securityContext } = message.linux ?? {};
  assert.deepEqual(resources, {
    cpuPeriod: 100_000,
    cpuQuota: 50_000,
    cpuShares: 512,
    memoryLimitInBytes: 1024,
    oomScoreAdj: 5,
    unified: { "pids.max": "10" },
  });
  assert.deepEqual([securityContext?.runAsUser, securityContext?.runAsGroup], [{ value: 7 }, { value: 8 }]);
  assert.deepEqual(securityContext?.seccomp, { profileType: "Localhost", localhostRef: "/p.json" });
  assert.ok(securityContext?.maskedPaths?.includes("/proc/kcore"));
});
