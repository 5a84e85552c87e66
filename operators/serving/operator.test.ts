import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CustomResourceDefinitions,
  Deployments,
  HorizontalPodAutoscalers,
  Pods,
  Services,
} from "@capstan/api/generated/resources";
import { defaultGateway, HttpRoutes } from "@capstan/api/kinds/gateway";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import { Models, modelDefinition } from "@capstan/api/kinds/model";
import { type InferenceService, type InferenceServiceSpec, InferenceServices } from "@capstan/api/kinds/serving";
import { servingDefinitions } from "@capstan/api/kinds/serving-definitions";
import { type Workflow, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createServingOperator } from "./index.ts";
import { revisionLabel } from "./service/predictor.ts";

const namespace = "default";
let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "serving-"));
  const model = new URL("../../apps/model-server/fixtures/islands", import.meta.url).pathname;
  for (const run of ["1", "2"]) await cp(model, join(scratch, namespace, "runs", run, "model"), { recursive: true });
  await mkdir(join(scratch, "files", "m"), { recursive: true });
});
after(() => rm(scratch, { recursive: true, force: true }));

const start = () =>
  TestCluster.start({
    async parts({ client, informers, log }) {
      const definitions = [modelDefinition, ...servingDefinitions, ...gatewayDefinitions, ...workflowDefinitions];
      for (const definition of definitions) await client.create(CustomResourceDefinitions, definition);
      return createServingOperator({
        client,
        informers,
        log,
        artifacts: { root: (name) => join(scratch, name) },
        fileRoots: [join(scratch, "files")],
        domain: "example.com",
        publicPort: 8080,
        gateway: defaultGateway,
      });
    },
  });

/** A workflow whose node of the component `register` succeeded. */
function trained(run: string, said: object = { name: "islands", metrics: { accuracy: 0.97 } }): Workflow {
  const template = { name: "register", metadata: { annotations: { "capstan.dev/component": "register" } } };
  const node = {
    id: `train-${run}-1`,
    name: `train-${run}.register`,
    displayName: "register",
    type: "Pod" as const,
    phase: "Succeeded" as const,
    templateRef: { name: "capstan-components", template: "register", clusterScope: true },
    finishedAt: "2030-01-01T00:00:00Z",
    outputs: {
      parameters: [{ name: "model", value: JSON.stringify(said) }],
      artifacts: [{ name: "model", path: "/capstan/out/model", file: { key: `runs/${run}/model` } }],
    },
  };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { namespace, name: `train-${run}` },
    spec: { entrypoint: "main", templates: [{ name: "main", container: { image: "x" } }] },
    status: {
      phase: "Succeeded",
      nodes: { [node.id]: node },
      storedTemplates: { "cluster/capstan-components/register": template },
    },
  };
}

const onnx = (storageUri: string): InferenceServiceSpec => ({
  predictor: { model: { modelFormat: { name: "onnx" }, storageUri } },
});
const ref = { namespace, name: "m" };
const predictor = { namespace, name: "m-predictor" };

async function serve({ client }: TestCluster, spec: InferenceServiceSpec, annotations: Record<string, string> = {}) {
  await client.create(InferenceServices, { metadata: { ...ref, annotations }, spec });
}

const condition = (service: InferenceService | undefined, type: string) =>
  service?.status?.conditions?.find((entry) => entry.type === type);

const until = (cluster: TestCluster, wanted: (service: InferenceService) => boolean) =>
  cluster.until(InferenceServices, ref, (service) => service?.status !== undefined && wanted(service));

/** Plays the parts of the cluster that make pods: the Deployment's newest revision is up. */
async function comeUp({ client }: TestCluster): Promise<void> {
  const deployment = await client.get(Deployments, predictor);
  const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  await client.updateStatus(Deployments, {
    ...deployment,
    status: { observedGeneration: deployment.metadata.generation ?? 1, ...counts },
  });
}

/** Plays the gateway. */
async function takeRoute({ client }: TestCluster): Promise<void> {
  const route = await client.get(HttpRoutes, ref);
  const accepted = {
    type: "Accepted",
    status: "True",
    reason: "Accepted",
    message: "",
    lastTransitionTime: "2030-01-01T00:00:00Z",
  };
  const parents = [{ parentRef: defaultGateway, controllerName: "x/y", conditions: [accepted] }];
  await client.updateStatus(HttpRoutes, { ...route, status: { parents } });
}

test("registered nodes become versions, each exactly one", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const model = { namespace, name: "islands" };
  const first = await client.create(Workflows, trained("1"));
  const made = await cluster.until(Models, model, (object) => object?.status?.latestVersion === 1);
  assert.deepEqual(made?.spec.versions[0]?.artifact, { key: "runs/1/model" });
  assert.deepEqual(made?.spec.versions[0]?.metrics, { accuracy: 0.97 });
  assert.equal(made?.spec.versions[0]?.source?.uid, first.metadata.uid);
  // Any change of the workflow reconciles it again.
  await client.patch(
    Workflows,
    { namespace, name: "train-1" },
    { type: "merge", body: { metadata: { labels: { a: "b" } } } },
  );
  await client.create(Workflows, trained("2"));
  const both = await cluster.until(Models, model, (object) => object?.status?.latestVersion === 2);
  assert.deepEqual(
    both?.spec.versions.map(({ version, source }) => [version, source?.name]),
    [
      [1, "train-1"],
      [2, "train-2"],
    ],
  );
  await client.create(Workflows, trained("3"));
  const third = await cluster.until(Models, model, (object) => object?.status?.versions?.length === 3);
  assert.deepEqual(third?.status?.versions?.[2], {
    version: 3,
    state: "Missing",
    message: '"runs/3/model" is not in the repository',
  });
  assert.equal(third?.status?.latestVersion, 2);
});

test("a service becomes a Deployment, a Service, a route and a status", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Workflows, trained("1"));
  await serve(cluster, onnx("model://islands"), { "capstan.dev/auth": "none" });
  const waiting = await until(cluster, (service) => condition(service, "Ready")?.reason === "PredictorNotReady");
  assert.equal(waiting?.status?.url, "http://m-default.example.com:8080");
  const deployment = await client.get(Deployments, predictor);
  const pod = deployment.spec.template.spec;
  assert.deepEqual(pod?.volumes, [
    { name: "model", hostPath: { path: join(scratch, namespace, "runs/1/model"), type: "Directory" } },
  ]);
  const [container] = pod?.containers ?? [];
  assert.equal(container?.image, "capstan/model-server");
  assert.deepEqual(container?.args, ["--model_name=m", "--model_base_path=/mnt/models", "--rest_api_port=8080"]);
  assert.deepEqual(container?.volumeMounts, [{ name: "model", mountPath: "/mnt/models", readOnly: true }]);
  const service = await client.get(Services, predictor);
  assert.deepEqual(
    service.spec?.ports?.map(({ port, targetPort }) => [port, targetPort]),
    [[80, 8080]],
  );
  const route = await client.get(HttpRoutes, ref);
  assert.deepEqual(route.spec.hostnames, ["m-default.example.com"]);
  assert.equal(route.metadata.annotations?.["capstan.dev/auth"], "none");
  assert.equal(route.metadata.labels?.["serving.kserve.io/inferenceservice"], "m");
  await comeUp(cluster);
  await takeRoute(cluster);
  const ready = await until(cluster, (one) => condition(one, "Ready")?.status === "True");
  assert.equal(condition(ready, "PredictorReady")?.status, "True");
  assert.equal(condition(ready, "IngressReady")?.status, "True");
  assert.equal(ready?.status?.modelStatus?.transitionStatus, "UpToDate");
  assert.equal(ready?.status?.components?.predictor?.modelVersion, 1);
  assert.equal(ready?.status?.clusterServingRuntimeName, "capstan-onnx");
  const model = await cluster.until(
    Models,
    { namespace, name: "islands" },
    (object) => !!object?.status?.versions?.[0]?.servedBy,
  );
  assert.deepEqual(model?.status?.versions?.[0]?.servedBy, ["m"]);
});

test("a new version of the model rolls out, a fixed one stays", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Workflows, trained("1"));
  await serve(cluster, onnx("model://islands"));
  await client.create(InferenceServices, { metadata: { namespace, name: "fixed" }, spec: onnx("model://islands/1") });
  const pathOf = (path: string) => join(scratch, namespace, path);
  const mounted =
    (path: string) =>
    (object: { spec: { template: { spec?: { volumes?: { hostPath?: { path: string } }[] } } } } | undefined) =>
      object?.spec.template.spec?.volumes?.[0]?.hostPath?.path === pathOf(path);
  await cluster.until(Deployments, predictor, mounted("runs/1/model"));
  await comeUp(cluster);
  await until(cluster, (service) => service.status?.modelStatus?.transitionStatus === "UpToDate");
  await client.create(Workflows, trained("2"));
  await cluster.until(Deployments, predictor, mounted("runs/2/model"));
  const rolling = await until(cluster, (service) => service.status?.modelStatus?.transitionStatus === "InProgress");
  assert.equal(condition(rolling, "PredictorReady")?.status, "True");
  await comeUp(cluster);
  await until(cluster, (service) => service.status?.components?.predictor?.modelVersion === 2);
  assert.ok(mounted("runs/1/model")(await client.get(Deployments, { namespace, name: "fixed-predictor" })));
});

test("a model server that cannot load its model is in the status, with its words", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Workflows, trained("1"));
  await serve(cluster, onnx("model://islands"));
  const deployment = await cluster.until(Deployments, predictor, (object) => object !== undefined);
  const { labels } = deployment?.spec.template.metadata ?? {};
  assert.ok(labels?.[revisionLabel]);
  const spec = { containers: [{ name: "kserve-container", image: "capstan/model-server" }] };
  const pod = await client.create(Pods, { metadata: { namespace, name: "m-1", labels }, spec });
  const message = "/mnt/models/model.onnx is not an ONNX model that can be served: protobuf parsing failed";
  const terminated = { exitCode: 1, reason: "Error", message, finishedAt: "2030-01-01T00:00:00Z" };
  const state = { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } };
  const status = {
    name: "kserve-container",
    image: "",
    imageID: "",
    ready: false,
    restartCount: 1,
    state,
    lastState: { terminated },
  };
  await client.updateStatus(Pods, { ...pod, status: { phase: "Running", containerStatuses: [status] } });
  const failed = await until(
    cluster,
    (service) => service.status?.modelStatus?.transitionStatus === "BlockedByFailedLoad",
  );
  const info = failed?.status?.modelStatus?.lastFailureInfo;
  assert.deepEqual(
    [info?.reason, info?.message, info?.exitCode, info?.location],
    ["ModelLoadFailed", message, 1, "m-1"],
  );
  assert.equal(condition(failed, "Ready")?.message, message);
  assert.deepEqual(failed?.status?.modelStatus?.states, {
    activeModelState: "FailedToLoad",
    targetModelState: "FailedToLoad",
  });
});

test("what cannot be served says why, and goes on once it can", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const outside = join(scratch, "files", "..", "..");
  const predictorOf = (more: object) => ({ predictor: { ...onnx("model://islands").predictor, ...more } });
  const cases: [InferenceServiceSpec, string, RegExp][] = [
    [onnx("model://none"), "ModelNotFound", /the Model "none" is not in the namespace "default"/],
    [onnx("s3://bucket/x"), "InvalidPredictorSpec", /storageUri: the scheme s3:\/\/ is not supported/],
    [onnx("file:///etc"), "InvalidPredictorSpec", /allowed are paths below/],
    [onnx(`file://${outside}/etc`), "InvalidPredictorSpec", /allowed are paths below/],
    [onnx(`file://${join(scratch, "files")}/x/../../x`), "ModelNotFound", /is not a path inside/],
    [onnx("pvc://claim/../x"), "InvalidPredictorSpec", /without "\.\."/],
    [
      { predictor: { model: { modelFormat: { name: "onx" } } } },
      "NoSupportingRuntime",
      /no runtime serves the format onx with the protocol v1; served formats: onnx/,
    ],
    [
      { predictor: { model: { modelFormat: { name: "onnx" }, runtime: "capstan-onx" } } },
      "RuntimeNotRecognized",
      /did you mean "capstan-onnx"/,
    ],
    [predictorOf({ batcher: {} }), "InvalidPredictorSpec", /spec\.predictor\.batcher: is not supported/],
    [predictorOf({ minReplicas: 0 }), "InvalidPredictorSpec", /spec\.predictor\.minReplicas: scaling to zero/],
    [predictorOf({ containers: [{ name: "c", image: "i" }] }), "InvalidPredictorSpec", /either model or containers/],
    [{ ...onnx("model://islands"), transformer: {} }, "InvalidPredictorSpec", /spec\.transformer: is not supported/],
  ];
  for (const [i, [spec, reason, message]] of cases.entries()) {
    const name = `wrong-${i}`;
    await client.create(InferenceServices, { metadata: { namespace, name }, spec });
    const down = (service: InferenceService | undefined) => condition(service, "PredictorReady")?.status === "False";
    const refused = await cluster.until(InferenceServices, { namespace, name }, down);
    assert.equal(condition(refused, "PredictorReady")?.reason, reason);
    assert.match(condition(refused, "PredictorReady")?.message ?? "", message);
    assert.equal(refused?.status?.modelStatus?.transitionStatus, "InvalidSpec");
  }
  await serve(cluster, onnx("model://islands"));
  await until(cluster, (service) => condition(service, "PredictorReady")?.reason === "ModelNotFound");
  await client.create(Workflows, trained("1"));
  await until(cluster, (service) => service.status?.modelStatus?.transitionStatus === "InProgress");
});

test("the stop annotation takes the service down, and its removal brings it back", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Workflows, trained("1"));
  await serve(cluster, onnx("model://islands"));
  await cluster.until(Deployments, predictor, (object) => object !== undefined);
  const annotate = (value: string | null) =>
    client.patch(InferenceServices, ref, {
      type: "merge",
      body: { metadata: { annotations: { "serving.kserve.io/stop": value } } },
    });
  await annotate("true");
  const stopped = await until(cluster, (service) => condition(service, "Stopped")?.status === "True");
  assert.equal(condition(stopped, "Ready")?.reason, "Stopped");
  await cluster.until(Deployments, predictor, (object) => object === undefined || !!object.metadata.deletionTimestamp);
  await assert.rejects(client.get(HttpRoutes, ref), (error) => isReason(error, "NotFound"));
  await annotate(null);
  await cluster.until(Deployments, predictor, (object) => object !== undefined);
});

test("more replicas than the least become an autoscaler, whose choice stands", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const containers = [{ name: "own", image: "example.com/own:1" }];
  await serve(cluster, { predictor: { containers, minReplicas: 2, maxReplicas: 4, scaleTarget: 70 } });
  const made = await cluster.until(HorizontalPodAutoscalers, predictor, (object) => object !== undefined);
  assert.deepEqual([made?.spec?.minReplicas, made?.spec?.maxReplicas], [2, 4]);
  assert.equal(made?.spec?.metrics?.[0]?.resource?.target.averageUtilization, 70);
  await cluster.until(Deployments, predictor, (object) => object?.spec.replicas === 2);
  await client.patch(Deployments, predictor, { type: "merge", body: { spec: { replicas: 3 } } });
  const change = (body: object) =>
    client.patch(InferenceServices, ref, { type: "merge", body: { spec: { predictor: body } } });
  await change({ labels: { a: "b" } });
  const labelled = await cluster.until(
    Deployments,
    predictor,
    (object) => object?.spec.template.metadata?.labels?.a === "b",
  );
  assert.equal(labelled?.spec.replicas, 3);
  await change({ maxReplicas: null });
  await cluster.until(Deployments, predictor, (object) => object?.spec.replicas === 2);
  await cluster.until(HorizontalPodAutoscalers, predictor, (object) => object === undefined);
});

test("canaries get their share once they are ready; containers of one's own are served too", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const containers = [{ name: "own", image: "example.com/own:1", ports: [{ containerPort: 9000 }] }];
  const canary = [{ predictor: { name: "next", containers }, trafficPercent: 20 }];
  await serve(cluster, { predictor: { containers }, canary });
  const next = { namespace, name: "m-next-canary" };
  const service = await cluster.until(Services, next, (object) => object !== undefined);
  assert.equal(service?.spec?.ports?.[0]?.targetPort, 9000);
  const weights = async () => {
    const route = await client.get(HttpRoutes, ref);
    return route.spec.rules?.[0]?.backendRefs?.map(({ name, weight }) => `${name}=${weight}`);
  };
  const waiting = await until(cluster, ({ status }) => status?.canaryStatuses?.length === 1);
  assert.equal(waiting?.status?.canaryStatuses?.[0]?.ready, false);
  assert.deepEqual(await weights(), ["m-predictor=100", "m-next-canary=0"]);
  const deployment = await client.get(Deployments, next);
  const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  await client.updateStatus(Deployments, { ...deployment, status: { observedGeneration: 1, ...counts } });
  await until(cluster, ({ status }) => status?.canaryStatuses?.[0]?.ready === true);
  assert.deepEqual(await weights(), ["m-predictor=80", "m-next-canary=20"]);
  await client.patch(InferenceServices, ref, { type: "merge", body: { spec: { canary: [] } } });
  await cluster.until(Deployments, next, (object) => object === undefined || !!object.metadata.deletionTimestamp);
});
