import assert from "node:assert/strict";
import { test } from "node:test";
import { PersistentVolumeClaims, PersistentVolumes, Pods } from "@capstan/api/generated/resources";
import type { HttpRequest } from "@capstan/base/http";
import { attributesFor, createMemoryView, type Write } from "@capstan/testing/view";
import { createNodeRestriction } from "../admission/node-restriction.ts";
import { requestInfoOf } from "../request-info.ts";
import { accessOf } from "./access.ts";
import { createNodeAuthorizer } from "./node.ts";

const node = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };

function cluster() {
  const view = createMemoryView("a", "b");
  const containers = [
    {
      name: "c",
      env: [{ name: "E", valueFrom: { secretKeyRef: { name: "env-secret", key: "k" } } }],
      envFrom: [{ configMapRef: { name: "env-map" } }],
    },
  ];
  const volumes = [
    { name: "s", secret: { secretName: "volume-secret" } },
    { name: "f", flexVolume: { driver: "d", secretRef: { name: "flex-secret" } } },
    { name: "c", persistentVolumeClaim: { claimName: "claim" } },
    { name: "p", projected: { sources: [{ configMap: { name: "kube-root-ca.crt" } }] } },
  ];
  view.put(Pods, {
    metadata: { name: "mine", namespace: "a" },
    spec: { nodeName: "n1", serviceAccountName: "robot", imagePullSecrets: [{ name: "pull" }], containers, volumes },
  });
  view.put(Pods, {
    metadata: { name: "theirs", namespace: "a" },
    spec: {
      nodeName: "n2",
      serviceAccountName: "robot",
      containers: [],
      volumes: [{ name: "s", secret: { secretName: "other" } }],
    },
  });
  view.put(PersistentVolumeClaims, { metadata: { name: "claim", namespace: "a" }, spec: { volumeName: "pv" } });
  const flexVolume = { driver: "d", secretRef: { namespace: "b", name: "pv-secret" } };
  view.put(PersistentVolumes, { metadata: { name: "pv" }, spec: { flexVolume } });
  return view;
}

test("a node reads what its pods refer to, and nothing else", () => {
  const authorize = createNodeAuthorizer(cluster());
  const may = (url: string, method: HttpRequest["method"] = "GET", principal: typeof node = node) =>
    authorize(accessOf(principal, requestInfoOf(method, url))).allowed;
  const at = "/api/v1/namespaces/a";
  for (const path of [
    "secrets/env-secret",
    "secrets/volume-secret",
    "secrets/flex-secret",
    "secrets/pull",
    "configmaps/env-map",
    "configmaps/kube-root-ca.crt",
  ]) {
    assert.equal(may(`${at}/${path}`), true, path);
  }
  assert.equal(may(`${at}/secrets?watch=1&fieldSelector=metadata.name%3Dpull`), true);
  for (const path of ["secrets/other", "secrets/env-map", "secrets", "configmaps"])
    assert.equal(may(`${at}/${path}`), false, path);
  assert.equal(may("/api/v1/namespaces/b/secrets/pull"), false);
  assert.equal(may("/api/v1/namespaces/b/secrets/pv-secret"), true);
  assert.equal(may(`${at}/secrets/pv-secret`), false);
  assert.equal(may("/api/v1/secrets"), false);
  assert.equal(may(`${at}/secrets/pull`, "DELETE"), false);
  assert.equal(may(`${at}/secrets/pull`, "GET", { ...node, groups: [] }), false);
  assert.equal(may(`${at}/secrets/pull`, "GET", { ...node, name: "jane" }), false);
});

test("a node writes only what is its own", () => {
  const view = cluster();
  const { validate } = createNodeRestriction(view);
  const write = (rest: Partial<Write> & { path: string }) =>
    validate?.(attributesFor({ kind: "x", principal: node, ...rest }));
  const refused = (rest: Partial<Write> & { path: string }, message: RegExp) =>
    assert.throws(() => write(rest), { reason: "Forbidden", message });
  const update = { operation: "UPDATE" as const };
  write({ path: "/api/v1/nodes", object: { metadata: { name: "n1" } } });
  write({
    ...update,
    path: "/api/v1/nodes/n1/status",
    object: { metadata: { name: "n1" } },
    oldObject: { metadata: { name: "n1" } },
  });
  refused(
    { ...update, path: "/api/v1/nodes/n2", object: { metadata: { name: "n2" } } },
    /node "n1" is not allowed to modify node "n2"/,
  );
  const labels = { "node-restriction.kubernetes.io/tier": "gold" };
  refused(
    {
      ...update,
      path: "/api/v1/nodes/n1",
      object: { metadata: { name: "n1", labels } },
      oldObject: { metadata: { name: "n1" } },
    },
    /not allowed to modify labels/,
  );
  const own = { metadata: { name: "n1" }, spec: {} };
  const tenant = { metadata: { name: "n1", labels: { "kuscia.secretflow/namespace": "bob" } }, spec: {} };
  const tainted = { ...own, spec: { taints: [{ key: "k", effect: "NoSchedule" }] } };
  refused({ path: "/api/v1/nodes", object: tenant }, /not allowed to modify labels: kuscia.secretflow\/namespace/);
  const itself = "/api/v1/nodes/n1";
  refused({ ...update, path: itself, object: own, oldObject: tenant }, /not allowed to modify labels/);
  refused({ ...update, path: itself, object: own, oldObject: tainted }, /not allowed to modify taints/);
  refused({ operation: "DELETE", path: itself, oldObject: tenant }, /delete itself: it is of domain bob/);
  write({ operation: "DELETE", path: itself, oldObject: own });
  const pods = "/api/v1/namespaces/a/pods";
  const status = (name: string) => ({
    ...update,
    path: `${pods}/${name}/status`,
    object: { metadata: { name } },
    oldObject: view.get(Pods, { namespace: "a", name }),
  });
  write(status("mine"));
  refused(status("theirs"), /can only change pods with spec.nodeName set to itself/);
  refused(
    { operation: "DELETE", path: `${pods}/theirs`, oldObject: view.get(Pods, { namespace: "a", name: "theirs" }) },
    /spec.nodeName/,
  );
  refused({ path: pods, object: { metadata: { name: "x" }, spec: { nodeName: "n1" } } }, /mirror pods/);
  write({
    path: "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
    object: { metadata: { name: "n1" } },
  });
  refused(
    { path: "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", object: { metadata: { name: "n2" } } },
    /same name as itself/,
  );
  refused(
    { path: "/apis/coordination.k8s.io/v1/namespaces/a/leases", object: { metadata: { name: "n1" } } },
    /kube-node-lease/,
  );
});

test("a node asks for tokens of its own pods' accounts", () => {
  const { validate } = createNodeRestriction(cluster());
  const ask = (account: string, boundObjectRef?: object) =>
    validate?.(
      attributesFor({
        path: `/api/v1/namespaces/a/serviceaccounts/${account}/token`,
        kind: "TokenRequest",
        principal: node,
        object: { metadata: { name: "" }, spec: { boundObjectRef } },
      }),
    );
  const pod = (name: string, uid = `uid-${name}`) => ({ kind: "Pod", name, uid });
  ask("robot", pod("mine"));
  assert.throws(() => ask("robot"), /bound to a pod/);
  assert.throws(() => ask("robot", pod("theirs")), /runs elsewhere/);
  assert.throws(() => ask("robot", pod("mine", "another")), /not there/);
  assert.throws(() => ask("admin", pod("mine")), /not the pod's/);
});
