// Changing things: apply on both sides, diff, edit, label, annotate, patches, replace, kustomize, three ways to delete.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kubectl } from "./kubectl.ts";
import { configMap, deployment, pod } from "./manifests.ts";

export async function tourWriting(kubectl: Kubectl): Promise<void> {
  await tourApply(kubectl);
  await tourPatches(kubectl);
  await tourReplace(kubectl);
  await tourKustomize(kubectl);
  await tourValidation(kubectl);
  await tourDeletes(kubectl);
}

async function tourApply(kubectl: Kubectl): Promise<void> {
  const map = (a: string, more?: object) => configMap("applied", { a }, more);
  await kubectl.matches("apply -f -", /^configmap\/applied created\n$/, map("1"));
  await kubectl.matches("apply -f -", /^configmap\/applied unchanged\n$/, map("1"));
  const changes = await kubectl.fails("diff -f -", map("2"), 1);
  assert.match(changes, /^- {2}a: "1"\n\+ {2}a: "2"\n/m);
  await kubectl.run("diff -f -", map("1"));
  await kubectl.matches("apply -f -", /^configmap\/applied configured\n$/, map("2"));
  await kubectl.matches("apply view-last-applied configmap applied", /a: "2"/);
  await kubectl.matches("apply --server-side -f -", /^configmap\/applied serverside-applied\n$/, map("2"));
  assert.match(
    await kubectl.fails("apply --server-side --field-manager other -f -", map("3")),
    /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a\n/,
  );
  await kubectl.matches(
    "apply --server-side --force-conflicts --field-manager other -f -",
    /^configmap\/applied serverside-applied\n$/,
    map("3"),
  );
  await kubectl.matches("get configmap applied --show-managed-fields -o yaml", /manager: other\n +operation: Apply\n/);
  await kubectl.matches(
    "apply --dry-run=server -f -",
    /^configmap\/applied configured \(server dry run\)\n$/,
    map("4"),
  );
  await kubectl.matches("get configmap applied -o jsonpath={.data.a}", /^3$/);
  const set = (names: string[]) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: names.map((name) => JSON.parse(configMap(name, { a: "b" }, { labels: { set: "one" } }))),
    });
  await kubectl.run("apply -f -", set(["one", "two"]));
  await kubectl.matches(
    "apply --prune -l set=one --prune-allowlist=core/v1/ConfigMap -f -",
    /configmap\/one unchanged\n[\s\S]*configmap\/two pruned\n/,
    set(["one"]),
  );
}

async function tourPatches(kubectl: Kubectl): Promise<void> {
  await kubectl.run("apply -f -", deployment("patched", 0));
  await kubectl.matches("label deployment patched tier=web", /^deployment\.apps\/patched labeled\n$/);
  assert.match(
    await kubectl.fails("label deployment patched tier=db"),
    /'tier' already has a value \(web\), and --overwrite is false/,
  );
  await kubectl.matches("label --overwrite deployment patched tier=db", /labeled/);
  await kubectl.matches("label deployment patched tier-", /^deployment\.apps\/patched unlabeled\n$/);
  await kubectl.matches("annotate deployment patched note='two words'", /^deployment\.apps\/patched annotated?\n$/);
  await kubectl.matches(
    `patch deployment patched -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"capstan/host"}]}}}}'`,
    /^deployment\.apps\/patched patched\n$/,
  );
  await kubectl.matches("get deployment patched -o jsonpath={.spec.template.spec.containers[*].name}", /^side main$/);
  await kubectl.matches(
    `patch deployment patched --type=merge -p '{"metadata":{"annotations":{"note":null}},"spec":{"minReadySeconds":3}}'`,
    /patched/,
  );
  await kubectl.matches(
    "get deployment patched -o jsonpath={.metadata.annotations.note}/{.spec.minReadySeconds}",
    /^\/3$/,
  );
  await kubectl.matches(
    `patch deployment patched --type=json -p '[{"op":"test","path":"/spec/minReadySeconds","value":3},{"op":"remove","path":"/spec/minReadySeconds"}]'`,
    /patched/,
  );
  await kubectl.matches(`patch deployment patched -p '{"spec":{"replicas":0}}'`, /patched \(no change\)/);
  assert.match(
    await kubectl.fails(`patch deployment patched --type=json -p '[{"op":"remove","path":"/spec/none"}]'`),
    /The request is invalid: the server rejected our request due to an error in our request/,
  );
  // The limit of 10 old revisions is the one number that ends so.
  const editor = { KUBE_EDITOR: "sed -i s/10$/7/" };
  assert.match(await kubectl.run("edit deployment patched", "", editor), /deployment\.apps\/patched edited/);
  await kubectl.matches("get deployment patched -o jsonpath={.spec.revisionHistoryLimit}", /^7$/);
  await kubectl.matches(
    "set image deployment/patched main=capstan/host:2",
    /^deployment\.apps\/patched image updated\n$/,
  );
  await kubectl.matches("set env deployment/patched A=b", /env updated/);
  await kubectl.matches("set env deployment/patched --list", /# Deployment patched, container side\nA=b/);
  await kubectl.matches(
    "set resources deployment patched -c=main --limits=cpu=200m,memory=64Mi",
    /resource requirements updated/,
  );
  await kubectl.matches("set serviceaccount deployment patched default", /serviceaccount updated/);
  await kubectl.run("delete deployment patched");
}

async function tourReplace(kubectl: Kubectl): Promise<void> {
  await kubectl.run("create -f -", configMap("replaced", { a: "1" }));
  assert.match(await kubectl.fails("create -f -", configMap("replaced", {})), /configmaps "replaced" already exists/);
  await kubectl.matches("replace -f -", /^configmap\/replaced replaced\n$/, configMap("replaced", { a: "2" }));
  await kubectl.matches(
    "replace --force -f -",
    /^configmap "replaced" deleted.*\nconfigmap\/replaced replaced\n$/,
    configMap("replaced", { a: "3" }),
  );
  await kubectl.matches("get configmap replaced -o jsonpath={.data.a}", /^3$/);
  assert.match(
    await kubectl.fails("replace -f -", configMap("replaced", {}, { resourceVersion: "1" })),
    /Error from server \(Conflict\): .*the object has been modified; please apply your changes to the latest version and try again/,
  );
}

async function tourKustomize(kubectl: Kubectl): Promise<void> {
  const directory = join(kubectl.home, "base");
  mkdirSync(directory);
  writeFileSync(join(directory, "map.json"), configMap("kustomized", { a: "b" }));
  writeFileSync(
    join(directory, "kustomization.yaml"),
    "resources: [map.json]\nnamePrefix: pre-\ncommonAnnotations: {by: tour}\nconfigMapGenerator: [{name: made, literals: [k=v]}]\n",
  );
  await kubectl.matches("kustomize base", /name: pre-kustomized\n/);
  await kubectl.matches("apply -k base", /configmap\/pre-kustomized created\n/);
  await kubectl.matches("get -k base -o name", /configmap\/pre-made-\w+\n/);
  await kubectl.matches("delete -k base", /configmap "pre-kustomized" deleted/);
}

async function tourValidation(kubectl: Kubectl): Promise<void> {
  const bogus = pod("wrong", { bogus: 1 });
  assert.match(await kubectl.fails("apply -f -", bogus), /unknown field "(spec\.bogus|bogus)"/);
  assert.match(await kubectl.run("apply --validate=warn --dry-run=server -f -", bogus), /unknown field "spec\.bogus"/);
  assert.match(
    await kubectl.fails("create -f - --validate=false", pod("wrong", { restartPolicy: 5 })),
    /json: cannot unmarshal number into Go struct field PodSpec\.spec\.restartPolicy of type/,
  );
  assert.match(
    await kubectl.fails("create -f -", pod("Wrong")),
    /^The Pod "Wrong" is invalid: metadata\.name: Invalid value: "Wrong": a lowercase RFC 1123 subdomain/,
  );
  assert.match(
    await kubectl.fails("create -f -", pod("wrong", { containers: [] })),
    /The Pod "wrong" is invalid: spec\.containers: Required value/,
  );
  await kubectl.matches("create --dry-run=server -f -", /^pod\/wrong created \(server dry run\)\n$/, pod("wrong"));
  assert.match(await kubectl.fails("get pod wrong"), /not found/);
}

async function tourDeletes(kubectl: Kubectl): Promise<void> {
  const make = async (name: string) => {
    await kubectl.run("apply -f -", deployment(name, 1));
    await kubectl.run(`rollout status deployment ${name} --timeout=20s`);
  };
  await make("background");
  await kubectl.matches("delete deployment background", /^deployment\.apps "background" deleted/);
  await kubectl.run("wait --for=delete pod -l app=background --timeout=20s");
  await make("foreground");
  await kubectl.matches("delete deployment foreground --cascade=foreground", /deleted/);
  await kubectl.matches("get replicasets,pods -l app=foreground", /^No resources found/);
  await make("orphaned");
  await kubectl.matches("delete deployment orphaned --cascade=orphan", /deleted/);
  await kubectl.matches("get replicasets -l app=orphaned -o jsonpath={.items[*].metadata.ownerReferences}", /^$/);
  await kubectl.matches("get pods -l app=orphaned -o jsonpath={.items[*].status.phase}", /^Running$/);
  await kubectl.run("delete replicasets,pods -l app=orphaned --wait=false");
  await kubectl.run("apply -f -", pod("now"));
  await kubectl.matches("delete pod now --now", /^pod "now" deleted/);
  await kubectl.run("apply -f -", pod("forced"));
  await kubectl.matches(
    "delete pod forced --force --grace-period=0",
    /Immediate deletion does not wait[\s\S]*pod "forced" force deleted/,
  );
  await kubectl.matches("delete configmaps --all", /configmap "applied" deleted/);
  assert.match(await kubectl.fails("delete configmap none"), /configmaps "none" not found/);
}
