// Certificates, tokens, RBAC, admission and protobuf bodies, as kubectl sees them: over TLS, with its own kubeconfigs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CertificateSigningRequests, ServiceAccounts } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createAdmission } from "@capstan/cluster/apiserver/admission";
import { createAuthentication, createIssuerDiscovery, defaultIssuer } from "@capstan/cluster/apiserver/authentication";
import { bootstrapRbac, createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { createCertificateSigner } from "@capstan/cluster/controllers/certificates";
import { type Authority, openAuthority, openTokenSigner } from "@capstan/core/pki";
import { type Serving, serve, writeKubeconfig } from "@capstan/core/wire";
import { type KubectlRun, kubectlMissing, runKubectl, TestCluster } from "../cluster/index.ts";

const skip = kubectlMissing() ?? false;
let directory: string;
let cluster: TestCluster;
let serving: Serving;
let authority: Authority;

before(async () => {
  if (skip) return;
  directory = await mkdtemp(join(tmpdir(), "capstan-access-"));
  authority = await openAuthority({ directory });
  const signer = await openTokenSigner(directory);
  const client = () => cluster.client;
  const extensions = [
    createAuthentication({ signer }),
    createAuthorization(),
    createIssuerDiscovery({ signer, issuer: defaultIssuer }),
    createAdmission({ log: silent, client }),
  ];
  cluster = await TestCluster.start({ extensions, parts: (own) => createCertificateSigner({ ...own, authority }) });
  await bootstrapRbac(cluster.client);
  await cluster.client.create(ServiceAccounts, { metadata: { name: "default", namespace: "default" } });
  const tls = await authority.issue({ commonName: "kube-apiserver", hosts: ["127.0.0.1"], usages: ["server"] });
  serving = await serve({ handler: cluster.handler, port: 0, tls: { ...tls, clientCa: authority.cert } });
  await login("admin", "system:masters");
  await login("jane", "devs");
});
after(async () => {
  if (skip) return;
  await serving?.close();
  await cluster?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function login(name: string, ...organizations: string[]): Promise<void> {
  const pair = await authority.issue({ commonName: name, organizations, usages: ["client"] });
  await writeKubeconfig(join(directory, name), {
    name: "test",
    server: serving.url,
    ca: authority.cert,
    user: { name, ...pair },
  });
}
const kubectl = (who: string, args: string, input?: string): Promise<KubectlRun> =>
  runKubectl(["--kubeconfig", join(directory, who), ...args.split(" ")], input, cluster.signal);
async function ok(who: string, args: string, input?: string): Promise<string> {
  const run = await kubectl(who, args, input);
  assert.equal(run.code, 0, `kubectl ${args}\n${run.stdout}${run.stderr}`);
  return run.stdout;
}
async function refused(who: string, args: string, message: RegExp): Promise<void> {
  const run = await kubectl(who, args);
  assert.notEqual(run.code, 0, `kubectl ${args} was not refused`);
  assert.match(run.stderr, message);
}

test("kubectl knows who it is", { skip }, async () => {
  assert.match(await ok("jane", "auth whoami"), /Username\s+jane\s+Groups\s+\[devs system:authenticated\]/);
  await login("stranger");
  assert.match(await ok("stranger", "auth whoami"), /Groups\s+\[system:authenticated\]/);
});

test("objects that kubectl sends as protobuf arrive whole", { skip }, async () => {
  await ok("admin", "create namespace proto");
  await ok("admin", "-n proto create deployment web --image=nginx --replicas=0 --port=80 -- sleep 1");
  assert.equal(
    await ok(
      "admin",
      "-n proto get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].command}/{.spec.template.spec.containers[0].ports[0].containerPort}",
    ),
    '0/["sleep","1"]/80',
  );
  await ok("admin", "-n proto create quota q --hard=cpu=1,pods=2,memory=1Gi");
  assert.equal(
    await ok("admin", "-n proto get quota q -o jsonpath={.spec.hard}"),
    '{"cpu":"1","memory":"1Gi","pods":"2"}',
  );
  await ok("admin", "-n proto create job once --image=busybox -- true");
  await ok("admin", "-n proto create cronjob often --image=busybox --schedule=@hourly");
  await ok("admin", "-n proto create configmap c --from-literal=a=ü");
  assert.equal(await ok("admin", "-n proto get configmap c -o jsonpath={.data.a}"), "ü");
  await ok("admin", "-n proto create secret generic s --from-literal=k=v");
  assert.equal(await ok("admin", "-n proto get secret s -o jsonpath={.data.k}"), "dg==");
  await ok("admin", "-n proto create service clusterip svc --tcp=80:8080");
  assert.equal(await ok("admin", "-n proto get service svc -o jsonpath={.spec.ports[0].targetPort}"), "8080");
  await ok("admin", "-n proto create ingress i --rule=a.example/x=svc:80");
  await ok("admin", "-n proto create poddisruptionbudget p --selector=a=b --min-available=50%");
  assert.equal(await ok("admin", "-n proto get pdb p -o jsonpath={.spec.minAvailable}"), "50%");
  await ok("admin", "-n proto autoscale deployment web --max=3 --min=1");
  await ok("admin", "create priorityclass pc --value=5");
  await ok("admin", "-n proto create serviceaccount robot");
});

test("roles and bindings made by kubectl count at once", { skip }, async () => {
  await refused(
    "jane",
    "get pods",
    /Error from server \(Forbidden\): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"/,
  );
  assert.equal((await kubectl("jane", "auth can-i list pods")).stdout.trim(), "no");
  await ok("admin", "create role reader --verb=get,list --resource=pods,deployments.apps");
  await ok("admin", "create rolebinding readers --role=reader --group=devs");
  assert.equal((await ok("jane", "auth can-i list pods")).trim(), "yes");
  await ok("jane", "get pods,deployments");
  assert.match(await ok("jane", "auth can-i --list"), /deployments\.apps +\[\] +\[\] +\[get list\]/);
  await refused("jane", "-n kube-system get pods", /in the namespace "kube-system"/);
  await refused("jane", "create role more --verb=* --resource=pods", /cannot create resource "roles"/);
  await ok("admin", "create rolebinding managers --clusterrole=admin --user=jane");
  await refused(
    "jane",
    "create role more --verb=get --resource=nodes",
    /is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["nodes"\], Verbs:\["get"\]\}/,
  );
  await ok("jane", "create role less --verb=get --resource=secrets");
});

test("administrators act as others", { skip }, async () => {
  assert.match(await ok("admin", "auth whoami --as=joe --as-group=ops"), /joe[\s\S]*\[ops system:authenticated\]/);
  await refused("admin", "get nodes --as=joe", /User "joe" cannot list resource "nodes"/);
  await refused(
    "jane",
    "get --raw /api/v1/pods --as=admin --as-group=system:masters",
    /cannot impersonate resource "users"/,
  );
});

test("a token made by kubectl speaks for its account", { skip }, async () => {
  await ok("admin", "create serviceaccount robot");
  await ok("admin", "create rolebinding robots --clusterrole=view --serviceaccount=default:robot");
  const token = (await ok("admin", "create token robot --duration=10m")).trim();
  const user = { name: "robot", token };
  await writeKubeconfig(join(directory, "robot"), { name: "test", server: serving.url, ca: authority.cert, user });
  assert.match(await ok("robot", "auth whoami"), /system:serviceaccount:default:robot/);
  await ok("robot", "get pods");
  const { keys } = JSON.parse(await ok("robot", "get --raw /openid/v1/jwks"));
  const [head = "", body = "", signature = ""] = token.split(".");
  const key = createPublicKey({ key: keys[0], format: "jwk" });
  const signed = Buffer.from(`${head}.${body}`);
  assert.ok(verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")));
  await refused("robot", "get secrets", /Forbidden/);
  await ok("admin", "delete serviceaccount robot");
  await refused("robot", "get pods", /You must be logged in to the server|Unauthorized/);
  await refused("admin", "create token robot", /serviceaccounts "robot" not found/);
});

test("admission shows in what kubectl gets", { skip }, async () => {
  await ok("admin", "run p --image=nginx");
  assert.match(
    await ok(
      "admin",
      "get pod p -o jsonpath={.spec.volumes[0].name}:{.spec.serviceAccountName}:{.spec.tolerations[*].tolerationSeconds}",
    ),
    /^kube-api-access-\w{5}:default:300 300$/,
  );
  await ok("admin", "create quota one --hard=pods=1");
  await refused(
    "admin",
    "run q --image=nginx",
    /pods "q" is forbidden: exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1/,
  );
  await ok("admin", "label namespace default pod-security.kubernetes.io/enforce=restricted");
  await ok("admin", "delete quota one");
  await refused("admin", "run q --image=nginx", /violates PodSecurity "restricted:latest"/);
  await refused("admin", "-n none run q --image=nginx", /namespaces "none" not found/);
  await refused("admin", "delete namespace default", /this namespace may not be deleted/);
});

test("a certificate request that kubectl approves becomes a login", { skip }, async () => {
  const args = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "mary.key"];
  const csr = execFileSync("openssl", [...args, "-subj", "/O=devs/CN=mary"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const spec = {
    request: csr.toString("base64"),
    signerName: "kubernetes.io/kube-apiserver-client",
    usages: ["client auth"],
  };
  const request = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "mary" },
    spec,
  };
  await ok("admin", "create -f -", JSON.stringify(request));
  await ok("admin", "certificate approve mary");
  const signed = await cluster.until(CertificateSigningRequests, { name: "mary" }, (one) =>
    Boolean(one?.status?.certificate),
  );
  assert.equal(signed?.spec.username, "admin");
  const user = {
    name: "mary",
    cert: Buffer.from(signed?.status?.certificate ?? "", "base64").toString(),
    key: await readFile(join(directory, "mary.key"), "utf8"),
  };
  await writeKubeconfig(join(directory, "mary"), { name: "test", server: serving.url, ca: authority.cert, user });
  assert.match(await ok("mary", "auth whoami"), /mary[\s\S]*\[devs system:authenticated\]/);
});
