// Looking at things: get in all its forms, watch, describe, explain, discovery, raw paths, the proxy.
import assert from "node:assert/strict";
import type { Kubectl } from "./kubectl.ts";
import { configMap, definition, pod } from "./manifests.ts";

export async function tourReading(kubectl: Kubectl): Promise<void> {
  await kubectl.run("apply -f -", pod("reader"));
  await kubectl.run("wait --for=condition=Ready pod/reader --timeout=20s");
  await tourGet(kubectl);
  await tourWatch(kubectl);
  await tourDescribe(kubectl);
  await tourExplain(kubectl);
  await tourServer(kubectl);
  await kubectl.run("delete pod reader");
}

async function tourGet(kubectl: Kubectl): Promise<void> {
  await kubectl.matches("get pods", /^NAME +READY +STATUS +RESTARTS +AGE\nreader +1\/1 +Running +0 +\d+s\n$/);
  await kubectl.matches(
    "get pod reader -o wide",
    /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nreader +1\/1 +Running +0 +\d+s +10\.[\d.]+ +\S+ +<none> +<none>\n$/,
  );
  await kubectl.matches("get pods -L app", /^NAME .* AGE +APP\nreader .* reader\n$/);
  await kubectl.matches("get pods --show-labels --no-headers", /^reader .* app=reader\n$/);
  await kubectl.matches("get pods -l 'app in (reader,other)' --sort-by=.metadata.name -o name", /^pod\/reader\n$/);
  await kubectl.matches("get pods -l app!=reader", /^No resources found in \S+ namespace\.\n$/);
  await kubectl.matches("get pods --field-selector status.phase=Running -o name", /^pod\/reader\n$/);
  await kubectl.matches("get pod reader -o jsonpath={.spec.containers[0].image}", /^capstan\/host$/);
  await kubectl.matches("get pod reader -o yaml", /^apiVersion: v1\nkind: Pod\nmetadata:\n/);
  await kubectl.matches("get pod reader -o json", /^\{\n {4}"apiVersion": "v1",\n {4}"kind": "Pod",/);
  await kubectl.matches(
    "get pods -o custom-columns=NAME:.metadata.name,PHASE:.status.phase",
    /^NAME +PHASE\nreader +Running\n$/,
  );
  await kubectl.matches("get pods -o go-template='{{len .items}}'", /^1$/);
  await kubectl.matches("get all", /^NAME .*\npod\/reader /);
  await kubectl.matches("get pods -A --chunk-size=1", /^NAMESPACE +NAME .*\n(\S+ +\S+.*\n)*\S+ +reader /);
  await kubectl.matches("get nodes", /^NAME +STATUS +ROLES +AGE +VERSION\n\S+ +Ready +<none> +\S+ +v1\.\d+/);
  await kubectl.matches(
    "get svc kubernetes -n default",
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nkubernetes +ClusterIP +\S+ +<none> +443\/TCP/,
  );
  await kubectl.matches("get ns default", /^NAME +STATUS +AGE\ndefault +Active +\S+\n$/);
  assert.match(await kubectl.fails("get pod none"), /^Error from server \(NotFound\): pods "none" not found\n$/);
  await kubectl.matches("get pod none --ignore-not-found", /^$/);
  assert.match(await kubectl.fails("get nosuch"), /^error: the server doesn't have a resource type "nosuch"\n$/);
  await kubectl.matches("get pod reader --subresource=status -o name", /^pod\/reader\n$/);
}

async function tourWatch(kubectl: Kubectl): Promise<void> {
  await kubectl.run("create configmap watched");
  await using watching = kubectl.start("get configmap watched -w --output-watch-events");
  await watching.until(/ADDED +watched +0 +\S+\n/);
  await kubectl.run("apply -f -", configMap("watched", { a: "b" }));
  await watching.until(/MODIFIED +watched +1 +\S+\n/);
  await kubectl.run("delete configmap watched");
  await watching.until(/DELETED +watched +1 +\S+\n/);
}

async function tourDescribe(kubectl: Kubectl): Promise<void> {
  const described = await kubectl.matches("describe pod reader", /^Name: +reader\nNamespace: +\S+\nPriority: +0\n/);
  assert.match(described, /Status: +Running\n/);
  assert.match(described, /Conditions:\n +Type +Status\n/);
  assert.match(described, /QoS Class: +BestEffort\n/);
  assert.match(
    described,
    /Events:\n +Type +Reason +Age +From +Message\n[\s\S]*Normal +Scheduled .* Successfully assigned \S+\/reader to /,
  );
  assert.match(described, /Normal +Started .* /);
  await kubectl.matches(
    "describe node",
    /Allocatable:\n[\s\S]*Non-terminated Pods: +\(\d+ in total\)[\s\S]*Allocated resources:/,
  );
  await kubectl.matches(
    "describe ns default",
    /^Name: +default\nLabels: +kubernetes\.io\/metadata\.name=default\n[\s\S]*Status: +Active/,
  );
  await kubectl.matches("describe svc kubernetes -n default", /Endpoints: +\S+:\d+\n/);
  await kubectl.matches(
    "events --for pod/reader",
    /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n[\s\S]*Scheduled +Pod\/reader/,
  );
  await kubectl.matches("events --types=Normal --no-headers", /Pod\/reader/);
  await kubectl.matches(
    "get events --field-selector involvedObject.name=reader",
    /Scheduled +pod\/reader +Successfully assigned/,
  );
}

async function tourExplain(kubectl: Kubectl): Promise<void> {
  await kubectl.matches(
    "explain pod",
    /KIND: +Pod\nVERSION: +v1\n\nDESCRIPTION:\n +Pod is a collection of containers|Pod is a/,
  );
  await kubectl.matches("explain deployment.spec.strategy.rollingUpdate", /maxSurge\s+<(IntOrString|string)>/);
  await kubectl.matches(
    "explain pod.spec --recursive",
    /FIELDS:\n[\s\S]*containers\t<\[\](Container|Object)>[\s\S]*\n +image\t<string>/,
  );
  await kubectl.matches("explain ingress --api-version=networking.k8s.io/v1", /KIND: +Ingress\n/);
  const group = `${kubectl.namespace}.example.com`;
  const kind = `Widget${kubectl.minor}`;
  const name = kind.toLowerCase();
  await kubectl.run("apply -f -", definition(group, kind));
  await kubectl.run(`wait --for=condition=Established crd/${name}s.${group} --timeout=10s`);
  await kubectl.matches(`explain ${name}`, /Widget is what the tour makes\./);
  await kubectl.matches(`explain ${name}.spec`, /size\s+<integer> -required-\n\s+How large it is\./);
  await kubectl.matches(`explain ${name} --recursive`, /spec\t<Object>[\s\S]*\n +size\t<integer>/);
  const widget = { apiVersion: `${group}/v1`, kind, metadata: { name: "w" }, spec: { size: 2 } };
  await kubectl.matches("apply -f -", /^widget\d+\.\S+\/w created\n$/, JSON.stringify(widget));
  await kubectl.matches(`get s${name}`, /^NAME +SIZE\nw +2\n$/);
  await kubectl.matches(`get s${name} -o wide`, /^NAME +SIZE +PHASE\nw +2 +\n$/);
  await kubectl.matches(`scale ${name} w --replicas=3`, /scaled/);
  await kubectl.matches(
    `patch ${name} w --type=merge --subresource=status -p '{"status":{"phase":"Good"}}'`,
    /patched/,
  );
  await kubectl.matches(`wait ${name}/w --for=jsonpath={.status.phase}=Good --timeout=5s`, /condition met/);
  const wrong = JSON.stringify({ ...widget, spec: { size: 0 } });
  assert.match(
    await kubectl.fails("apply -f -", wrong),
    /The Widget\d+ "w" is invalid: spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
  );
  await kubectl.matches(`delete crd ${name}s.${group}`, /deleted/);
  assert.match(
    await kubectl.fails(`get s${name}`),
    /the server (doesn't have a resource type "swidget\d+"|could not find the requested resource)/,
  );
}

async function tourServer(kubectl: Kubectl): Promise<void> {
  await kubectl.matches("api-resources", /^deployments +deploy +apps\/v1 +true +Deployment$/m);
  await kubectl.matches("api-resources --namespaced=false -o name", /^nodes$/m);
  await kubectl.matches(
    "api-resources --api-group=batch -o wide",
    /^cronjobs +cj +batch\/v1 +true +CronJob +\S*create\S* /m,
  );
  await kubectl.matches("api-resources --verbs=list,watch --categories=all -o name", /^pods$/m);
  await kubectl.matches("api-versions", /^apps\/v1$/m);
  await kubectl.matches("version", /Server Version: .*v1\.\d+\.\d+/);
  await kubectl.matches("version -o json", /"serverVersion": \{\n +"major": "1",\n/);
  await kubectl.matches("cluster-info", /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/);
  await kubectl.matches("get --raw /readyz", /^ok/);
  await kubectl.matches("get --raw /livez?verbose", /\[\+\]ping ok/);
  await kubectl.matches("get --raw /apis/apps/v1", /"kind":"APIResourceList"/);
  await kubectl.matches(`get --raw /api/v1/namespaces/${kubectl.namespace}/pods/reader`, /"kind":"Pod"/);
  await using proxy = kubectl.start("proxy --port=0");
  const said = await proxy.until(/Starting to serve on 127\.0\.0\.1:(\d+)/);
  const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/${kubectl.namespace}/pods/reader`);
  assert.equal(((await answer.json()) as { kind: string }).kind, "Pod");
}
