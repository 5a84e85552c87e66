// Capstan's operators on a real kube-apiserver: the transcript of Domain, an image policy, and a certificate that nobody signs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runKubectl } from "../cluster/kubectl.ts";
import { capstan } from "../platform/instance.ts";
import { startPeer } from "./contract.ts";
import { type Programs, stop } from "./kube-apiserver/start.ts";

const bin = join(import.meta.dirname, "../../apps/capstan/bin.js");
const patience = 90_000;

const domain = (podMaxCount: number) => `apiVersion: kuscia.secretflow/v1alpha1
kind: Domain
metadata: { name: alice, annotations: { capstan.dev/members: bob } }
spec: { role: partner, cert: base64<certificate>, resourceQuota: { podMaxCount: ${podMaxCount} } }
`;

const policy = `apiVersion: capstan.dev/v1alpha1
kind: ImagePolicy
metadata: { name: mirror }
spec:
  rewrites: [{ from: docker.io, to: mirror.example.com/docker }]
  deny: ["mirror.example.com/docker/library/*:latest"]
  failurePolicy: Fail
`;

const pod = (image: string) => `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: alice }
spec: { containers: [{ name: main, image: "${image}" }] }
`;

const podOf = (more: string) => `apiVersion: v1
kind: Pod
metadata: { name: escape, namespace: alice }
spec:
  containers:
    - name: main
      image: nginx:1.27
      ${more.startsWith("container ") ? more.slice(10) : "env: []"}
  ${more.startsWith("container ") ? "" : more}
`;
const escapes = [
  "hostNetwork: true",
  "hostIPC: true",
  "volumes: [{ name: h, hostPath: { path: / } }]",
  "securityContext: { seccompProfile: { type: Unconfined } }",
  "container securityContext: { privileged: true }",
  "container securityContext: { capabilities: { add: [SYS_ADMIN] } }",
  "container ports: [{ containerPort: 80, hostPort: 80 }]",
];

/** Resolves to the exit code; prints each step. */
export async function runOperators(programs: Programs): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), "operate-"));
  const peer = await startPeer(programs, root);
  const words = ["operate", "--kubeconfig", peer.kubeconfig, "--webhook-host", "127.0.0.1"];
  const operators = spawn(process.execPath, [bin, ...words], { stdio: ["ignore", "ignore", "inherit"] });
  const signal = AbortSignal.timeout(patience);
  const ask = (line: string, input?: string) =>
    runKubectl(["--kubeconfig", peer.kubeconfig, ...line.split(" ")], input, signal);
  const kubectl = async (line: string, input?: string) => {
    const done = await ask(line, input);
    assert.equal(done.code, 0, `kubectl ${line}: ${done.stderr}`);
    console.log(`kubectl ${line}\n${done.stdout.trimEnd()}`);
    return done.stdout;
  };
  const created = async (kind: string, ...names: string[]) => {
    for (const name of names) await kubectl(`wait --for=create ${kind}/${name} --timeout=30s`);
  };
  try {
    await created("crd", "domains.kuscia.secretflow", "imagepolicies.capstan.dev");
    await kubectl("wait --for=condition=Established crd --all --timeout=30s");
    await kubectl("apply -f -", domain(100));
    await kubectl(
      "wait --for=create resourcequota/resource-limitation rolebinding/alice-members -n alice --timeout=30s",
    );
    await kubectl("apply -f -", domain(200));
    const hard = "jsonpath={.spec.hard.pods}=200";
    await kubectl(`wait --for=${hard} resourcequota/resource-limitation -n alice --timeout=30s`);
    await kubectl("apply -f -", policy);
    await kubectl("wait --for=condition=Ready imagepolicy/mirror --timeout=30s");
    for (const kind of ["mutating", "validating"])
      await created(`${kind}webhookconfiguration`, "capstan-image-policies");
    // No controller beside this API server makes accounts.
    await ask("create serviceaccount default -n alice");
    await kubectl("apply -f -", pod("nginx:1.27"));
    const image = await kubectl("get pod web -n alice -o jsonpath={.spec.containers[0].image}");
    assert.equal(image, "mirror.example.com/docker/library/nginx:1.27");
    await kubectl("delete pod web -n alice --force --grace-period=0");
    const denied = await ask("apply -f -", pod("nginx"));
    assert.match(denied.stderr, /image policy "mirror" denies mirror.example.com\/docker\/library\/nginx:latest/);
    const confined = "pods of a Domain have no right to their node";
    for (const spec of escapes) {
      const refused = await ask("create --dry-run=server -f -", podOf(spec));
      assert.match(refused.stderr, new RegExp(confined), `${spec}: ${refused.stderr}`);
      console.log(refused.stderr.trimEnd());
    }
    await kubectl("create --dry-run=server -f -", podOf("securityContext: { runAsUser: 1000 }"));
    const unsigned = await capstan(
      ["webhook-cert", "--service", "s", "--secret", "x", "--namespace", "alice", "--kubeconfig", peer.kubeconfig],
      {},
    );
    assert.match(unsigned.stderr, /nothing has signed it.*--cluster-signing-cert-file/s);
    console.log(unsigned.stderr.trimEnd());
    await kubectl("delete domain alice");
    await kubectl(
      "wait --for=jsonpath={.metadata.labels.kuscia\\.secretflow/deleted}=true namespace/alice --timeout=30s",
    );
    await kubectl("get namespace alice -L kuscia.secretflow/deleted");
    return 0;
  } finally {
    operators.kill("SIGTERM");
    await stop(peer.running);
    rmSync(root, { recursive: true, force: true });
  }
}
