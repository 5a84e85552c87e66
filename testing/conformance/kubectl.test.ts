// A tour with the kubectl of the machine: every command against an API server without controllers or nodes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { kubectlMissing, TestCluster } from "../cluster/index.ts";

const skip = kubectlMissing() ?? false;

/** A cluster and a kubectl that must succeed; `fails` must not, and gives what it said. */
async function start() {
  const cluster = await TestCluster.start();
  const run = async (line: string, input?: string, variables?: Record<string, string>) => {
    const { stdout, stderr, code } = await cluster.kubectl(words(line), input, variables);
    assert.equal(code, 0, `kubectl ${line}: ${stderr}`);
    return stdout + stderr;
  };
  const fails = async (line: string, input?: string) => {
    const { stdout, stderr, code } = await cluster.kubectl(words(line), input);
    assert.notEqual(code, 0, `kubectl ${line} should fail: ${stdout}`);
    return stderr;
  };
  return { cluster, run, fails, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

/** Words of a command line; single quotes keep spaces. */
const words = (line: string): string[] =>
  (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", ""));

const pod = (image: string, more = "") => `
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: p}}
spec:
  containers:
  - {name: c, image: "${image}", ports: [{containerPort: 80}]}
${more}`;

test("get shows upstream's columns, wide, sorted, by selector and with labels", { skip }, async () => {
  await using kubectl = await start();
  const { run } = kubectl;
  assert.match(await run("get ns"), /^NAME +STATUS +AGE\ndefault +Active +\d+s\n/);
  assert.match(
    await run("get svc -o wide"),
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR\nkubernetes +ClusterIP +10\.96\.0\.1 +<none> +443\/TCP/,
  );
  await run("create -f -", pod("nginx:1"));
  assert.match(
    await run("get pods -o wide"),
    /NOMINATED NODE +READINESS GATES\np +0\/1 +Pending +0 +\d+s +<none> +<none> +<none> +<none>/,
  );
  assert.match(await run("get pods -l app=p -L app --sort-by=.metadata.name"), /APP\np .* p\n$/);
  assert.match(await run("get pods -l app!=p"), /No resources found/);
  assert.match(await run("get pods --field-selector status.phase=Pending -o name"), /^pod\/p$/m);
  assert.match(await run("get all"), /^pod\/p .*\n\n.*\nservice\/kubernetes/m);
  assert.match(await run("get pod p -o jsonpath={.spec.containers[0].image}"), /^nginx:1$/);
});

test("apply on the client's and on the server's side, diff, edit, label, annotate, patch", { skip }, async () => {
  await using kubectl = await start();
  const { run, fails, cluster } = kubectl;
  assert.match(await run("apply -f -", pod("nginx:1")), /pod\/p created/);
  assert.match(await run("apply -f -", pod("nginx:1")), /pod\/p unchanged/);
  const { stdout, code } = await cluster.kubectl(words("diff -f -"), pod("nginx:2"));
  assert.equal(code, 1);
  assert.match(stdout, /-\s+- image: nginx:1\n\+\s+- image: nginx:2/);
  assert.match(await run("apply -f -", pod("nginx:2")), /pod\/p configured/);
  assert.match(await run("apply --server-side -f -", pod("nginx:2")), /pod\/p serverside-applied/);
  assert.match(
    await fails("apply --server-side --field-manager other -f -", pod("nginx:3")),
    /Apply failed with 1 conflict: conflict with "kubectl".*\.spec\.containers\[name="c"\]\.image/,
  );
  assert.match(
    await run("apply --server-side --force-conflicts --field-manager other -f -", pod("nginx:3")),
    /serverside-applied/,
  );
  await run("label pod p a=b");
  await run("annotate pod p c=d");
  assert.match(await run(`patch pod p -p '{"metadata":{"labels":{"a":null,"e":"f"}}}'`), /patched/);
  assert.match(
    await run(
      `patch pod p --type=json -p '[{"op":"test","path":"/metadata/labels/e","value":"f"},{"op":"remove","path":"/metadata/labels/e"}]'`,
    ),
    /patched/,
  );
  assert.match(await run("get pod p --show-labels --no-headers"), / app=p$/m);
  await run("edit pod p", undefined, { KUBE_EDITOR: "sed -i s/nginx:3/nginx:4/" });
  assert.match(await run("get pod p -o jsonpath={.spec.containers[0].image}"), /^nginx:4$/);
  assert.match(await run("set image pod/p c=nginx:5"), /image updated/);
  assert.match(await run("replace -f -", pod("nginx:6")), /replaced/);
});

test("unknown and doubled fields, wrong types and dry runs", { skip }, async () => {
  await using kubectl = await start();
  const { run, fails } = kubectl;
  assert.match(
    await fails("apply -f -", pod("nginx", "  bogus: 1")),
    /strict decoding error: unknown field "spec\.bogus"/,
  );
  assert.match(
    await run("apply --validate=warn -f -", pod("nginx", "  bogus: 1")),
    /Warning: unknown field "spec\.bogus"/,
  );
  assert.match(
    await fails("create -f -", pod("nginx", "  restartPolicy: 5")),
    /cannot unmarshal number into Go struct field PodSpec\.spec\.restartPolicy of type string/,
  );
  await run("delete pod p");
  assert.match(await run("create --dry-run=server -f -", pod("nginx")), /pod\/p created \(server dry run\)/);
  assert.match(await run("get pods"), /No resources found/);
  assert.match(
    await fails("create -f -", pod("nginx").replace("name: p", "name: P")),
    /The Pod "P" is invalid: metadata\.name: Invalid value: "P"/,
  );
});

test("created by name, in protobuf", { skip }, async () => {
  await using kubectl = await start();
  const { run } = kubectl;
  for (const line of [
    "deployment d --image=nginx --replicas=2 --port=80",
    "configmap c --from-literal=a=b",
    "secret generic s --from-literal=p=q",
    "quota q --hard=pods=3,requests.cpu=2",
    "serviceaccount bot",
    "role r --verb=get,list --resource=pods",
    "rolebinding rb --role=r --serviceaccount=default:bot",
    "job j --image=busybox -- true",
    "cronjob cj --image=busybox --schedule='*/5 * * * *' -- true",
    "poddisruptionbudget b --selector=app=d --min-available=1",
    "priorityclass high --value=1000",
    "ingress i --rule=host/path=svc:80",
    "service nodeport np --tcp=80:8080",
    "namespace other",
  ]) {
    assert.match(await run(`create ${line}`), /created/);
  }
  await run("expose deployment d --port=80");
  await run("autoscale deployment d --min=1 --max=3 --cpu-percent=70");
  const shown = await run("get deploy,cm,secret,quota,sa,role,rolebinding,job,cj,pdb,ing,svc,hpa");
  assert.match(shown, /deployment\.apps\/d +0\/2 +0 +0/);
  assert.match(shown, /resourcequota\/q +/);
  assert.match(shown, /cronjob\.batch\/cj +\*\/5 \* \* \* \* +<none> +False +0 +<none>/);
  assert.match(shown, /horizontalpodautoscaler\.autoscaling\/d +Deployment\/d +cpu: <unknown>\/70% +1 +3/);
  assert.match(shown, /poddisruptionbudget\.policy\/b +1 +N\/A +0/);
  assert.match(shown, /service\/np +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d+\/TCP/);
  assert.match(await run("get priorityclass high"), /high +1000 +false +\d+s +PreemptLowerPriority/);
});

test("scale, rollout, wait, describe, delete", { skip }, async () => {
  await using kubectl = await start();
  const { run, fails, cluster } = kubectl;
  await run("create deployment d --image=nginx");
  assert.match(await run("scale deployment d --replicas=3 --current-replicas=1"), /scaled/);
  assert.match(await fails("scale deployment d --replicas=4 --current-replicas=1"), /Expected replicas to be 1, was 3/);
  assert.match(await run("get deployment d -o jsonpath={.spec.replicas}"), /^3$/);
  assert.match(await run("rollout restart deployment d"), /restarted/);
  assert.match(await run("rollout pause deployment d"), /paused/);
  assert.match(await run("rollout resume deployment d"), /resumed/);
  assert.match(await run("describe deployment d"), /Replicas: +3 desired \| 0 updated/);
  const waiting = run("wait deployment d --for=jsonpath={.metadata.labels.go}=on --timeout=20s");
  await run("label deployment d go=on");
  assert.match(await waiting, /condition met/);
  assert.match(await run("delete deployment d --cascade=foreground --wait=false"), /deleted/);
  assert.match(await run("get deployment d -o jsonpath={.metadata.finalizers}"), /foregroundDeletion/);
  await run("create configmap c");
  assert.match(await run("delete configmap c"), /configmap "c" deleted/);
  assert.match(await fails("get configmap c"), /configmaps "c" not found/);
  await run("create configmap c");
  await run("delete configmaps --all");
  assert.equal(cluster.store.count("core/configmaps/default/"), 0);
});

test("explain, api-resources, api-versions, version, raw paths", { skip }, async () => {
  await using kubectl = await start();
  const { run, fails } = kubectl;
  assert.match(
    await run("explain deployment.spec.strategy.rollingUpdate"),
    /GROUP: +apps\nKIND: +Deployment\n[\s\S]*maxSurge\s+<IntOrString>|maxSurge\s+<string>/,
  );
  assert.match(await run("explain pod"), /Pod is a group of containers that run together on one node\./);
  assert.match(await run("api-resources"), /^deployments +deploy +apps\/v1 +true +Deployment$/m);
  assert.match(await run("api-resources --categories=all -o name"), /^deployments\.apps$/m);
  assert.match(await run("api-resources --verbs=watch -o name"), /^pods$/m);
  assert.match(await run("api-versions"), /^apps\/v1$/m);
  assert.match(await run("version"), /Server Version: .*v1\.34/);
  assert.match(await run("get --raw /readyz"), /^ok/);
  assert.match(await run("get --raw /apis/apps/v1"), /"kind":"APIResourceList"/);
  assert.match(await fails("get nosuch"), /the server doesn't have a resource type "nosuch"/);
});

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Phase, type: string, jsonPath: .status.phase, priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        description: Widget is what the test makes.
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, description: How large it is., minimum: 1}
              replicas: {type: integer, default: 1}
          status: {type: object, properties: {phase: {type: string}, replicas: {type: integer}}}
`;

test("a custom kind: served, shown, explained, scaled, applied, gone", { skip }, async () => {
  await using kubectl = await start();
  const { run, fails } = kubectl;
  await run("apply -f -", definition);
  await run("wait --for=condition=Established crd/widgets.example.com --timeout=10s");
  // JSON: a kubectl before 1.33 reads a document that starts with a brace as that.
  const widget = (size: string) =>
    `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":${size}}}`;
  assert.match(await run("apply -f -", widget("2")), /widget\.example\.com\/w created/);
  assert.match(await run("get wd"), /^NAME +SIZE\nw +2\n/);
  assert.match(await run("get wd -o wide"), /^NAME +SIZE +PHASE\nw +2 +\n/);
  assert.match(
    await fails("apply -f -", widget("0")),
    /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
  );
  assert.match(await fails("apply -f -", widget('"big"')), /spec\.size in body must be of type integer: "string"/);
  assert.match(await run("explain widget.spec"), /size\s+<integer> -required-\n\s+How large it is\./);
  assert.match(await run("scale widget w --replicas=4"), /scaled/);
  assert.match(await run("get widget w -o jsonpath={.spec.replicas}"), /^4$/);
  assert.match(await run("apply --server-side --force-conflicts -f -", widget("3")), /serverside-applied/);
  assert.match(await run('patch wd w --type=merge --subresource=status -p \'{"status":{"phase":"Good"}}\''), /patched/);
  assert.match(await run("get wd -o wide --no-headers"), /w +3 +Good/);
  assert.match(await run("delete crd widgets.example.com"), /deleted/);
  assert.match(await fails("get wd"), /the server doesn't have a resource type "wd"/);
});

test("get -w follows changes", { skip }, async () => {
  await using kubectl = await start();
  const { run, cluster } = kubectl;
  await run("create configmap c");
  const { url } = await cluster.listen();
  const watching = spawn("kubectl", ["--server", url, "get", "configmaps", "c", "-w"], { signal: cluster.signal });
  watching.on("error", (error) => assert.equal(error.name, "AbortError"));
  const lines = createInterface(watching.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value ?? "";
  assert.match(await next(), /^NAME +DATA +AGE$/);
  assert.match(await next(), /^c +0 /);
  await run("create configmap c2");
  await run(`patch configmap c -p '{"data":{"a":"b"}}'`);
  assert.match(await next(), /^c +1 /);
});
