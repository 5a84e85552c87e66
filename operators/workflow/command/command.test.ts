import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { ConfigMaps, Secrets, ServiceAccounts } from "@capstan/api/generated/resources";
import { unwrapCommand, wrapCommand } from "@capstan/api/kinds/workflow-pod";
import type { AuthConfig, ImageLookup } from "@capstan/core/runtime";
import { TestCluster } from "@capstan/testing/cluster";
import { completePod, createCommandFinder } from "./index.ts";

const podOf = (image: string, command: string[], args?: string[]): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default" },
  spec: {
    containers: [
      { name: "wait", image: "executor", command: ["argoexec"], args: ["wait"] },
      { name: "main", image, command: wrapCommand(command, { name: "main" }), ...(args ? { args } : {}) },
    ],
  },
});
const main = (pod: Pod) => {
  const { command = [], args } = pod.spec.containers[1] ?? {};
  return [unwrapCommand(command), args];
};

test("an image's command stands in where the template says none, as a runtime would", async () => {
  const find = async (image: string) =>
    image === "none" ? { entrypoint: [], cmd: [] } : { entrypoint: ["/e"], cmd: ["c"] };
  assert.deepEqual(main(await completePod(podOf("i", []), find)), [["/e"], ["c"]]);
  assert.deepEqual(main(await completePod(podOf("i", [], ["a"]), find)), [["/e"], ["a"]]);
  assert.deepEqual(main(await completePod(podOf("i", ["own"]), find)), [["own"], undefined]);
  await assert.rejects(
    completePod(podOf("none", []), find),
    /container main: neither it nor its image none says a command; say command/,
  );
  const refuse = () => Promise.reject(new Error("no way"));
  await assert.rejects(
    completePod(podOf("i", []), refuse),
    /container main says no command.*no way; say command in the template/,
  );
});

test("the configuration is asked first, then the registry, with the secrets of the pod or its account", async () => {
  await using cluster = await TestCluster.start();
  const { client, informers } = cluster;
  const asked: [string, AuthConfig[]][] = [];
  const lookup = {
    find: async (image: string, credentials: AuthConfig[]) => {
      asked.push([image, credentials]);
      if (image === "lost") throw new Error("not there");
      return { entrypoint: ["/registry"], cmd: [] };
    },
  } as unknown as ImageLookup;
  await client.create(ConfigMaps, {
    metadata: { namespace: "argo", name: "workflow-controller-configmap" },
    data: { images: "argoproj/argosay:v2:\n  cmd: [/argosay]\n" },
  });
  const auths = { "registry.test": { username: "u", password: "p" } };
  await client.create(Secrets, {
    metadata: { namespace: "default", name: "pull" },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": btoa(JSON.stringify({ auths })) },
  });
  await client.create(ServiceAccounts, {
    metadata: { namespace: "default", name: "puller" },
    imagePullSecrets: [{ name: "pull" }],
  });
  const configMaps = informers.informer(ConfigMaps);
  await cluster.until(
    ConfigMaps,
    { namespace: "argo", name: "workflow-controller-configmap" },
    () => configMaps.list().length > 0,
  );
  const find = createCommandFinder({ client, informers, lookup, configNamespace: "argo" });
  assert.deepEqual(await find("docker.io/argoproj/argosay:v2", podOf("", [])), { entrypoint: [], cmd: ["/argosay"] });
  const pod = podOf("", []);
  const account: Pod = { ...pod, spec: { ...pod.spec, serviceAccountName: "puller" } };
  for (let i = 0; i < 2; i++) assert.deepEqual((await find("registry.test/x:1", account)).entrypoint, ["/registry"]);
  assert.deepEqual(
    asked.map(([image, [auth]]) => [image, auth?.username]),
    [["registry.test/x:1", "u"]],
  );
  await find("registry.test/x:1", pod);
  assert.deepEqual(asked[1]?.[1], [], "another pod has other rights");
  for (let i = 0; i < 2; i++) await assert.rejects(find("lost", pod), /not there/);
  assert.equal(asked.length, 4, "a failure is not kept");
});
