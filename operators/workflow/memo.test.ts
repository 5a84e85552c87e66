import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, CustomResourceDefinitions } from "@capstan/api/generated/resources";
import {
  type Artifact,
  type Outputs,
  type Template,
  type Workflow,
  type WorkflowSpec,
  Workflows,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import { createRecords, type Records } from "@capstan/core/records";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { createWorkflowController } from "./index.ts";

interface RunOptions {
  annotations?: Record<string, string>;
  /** Whether its outputs will be kept; default true. */
  keeps?: boolean;
}

interface Stage extends AsyncDisposable {
  cluster: TestCluster;
  /** Nodes whose pods ran. */
  ran: string[];
  /** Keys of artifacts that are gone. */
  gone: Set<string>;
  /** Digests of files that no step has made, by key. */
  files: Map<string, string>;
  /** Until it is over, and what is to be kept of it is. */
  run(spec: WorkflowSpec, name: string, options?: RunOptions): Promise<Workflow>;
}

async function start(outputsOf: (node: string) => Outputs = () => ({})): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-memo-"));
  const real = createRecords({ database: { file: join(directory, "records.db") }, cluster: "here" });
  const keeps = new Map<string, PromiseWithResolvers<void>>();
  const keptOf = (key: string) => {
    const known = keeps.get(key) ?? Promise.withResolvers<void>();
    keeps.set(key, known);
    return known;
  };
  const records: Records = {
    shared: false,
    async open() {
      const open = await real.open();
      const keep: typeof open.memos.keep = async (namespace, key, memo) => {
        await open.memos.keep(namespace, key, memo);
        keptOf(key).resolve();
      };
      return { ...open, memos: { ...open.memos, keep } };
    },
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  };
  const ran: string[] = [];
  const gone = new Set<string>();
  const files = new Map<string, string>();
  const artifactLookup = {
    exists: async (_: string, { file }: Artifact) => file?.key !== undefined && !gone.has(file.key),
    digest: async (_: string, { file }: Artifact) => files.get(file?.key ?? ""),
  };
  const cluster = await TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      const kubelet = createFakeKubelet(cluster, (node) => {
        ran.push(node);
        return { outputs: outputsOf(node) };
      });
      return [createWorkflowController({ client, informers, log, records, artifactLookup }), kubelet];
    },
  });
  return {
    cluster,
    ran,
    gone,
    files,
    async run(spec, name, { annotations = {}, keeps: isKept = true } = {}) {
      await cluster.client.create(Workflows, { metadata: { namespace: "default", name, annotations }, spec });
      const over = (found: Workflow | undefined) => found?.status?.finishedAt != null;
      const done = (await cluster.until(Workflows, { namespace: "default", name }, over)) as Workflow;
      for (const { memoizationStatus: memo } of Object.values(done.status?.nodes ?? {})) {
        if (isKept && memo?.hit === false && memo.cacheName === "capstan.dev/content") await keptOf(memo.key).promise;
      }
      return done;
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await records[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const container = { image: "busybox", command: ["true"] };
const cached = (memoize: Partial<Template["memoize"]>, more: Partial<Template> = {}): WorkflowSpec => ({
  entrypoint: "main",
  templates: [
    {
      name: "main",
      container,
      memoize: { key: "k", cache: { configMap: { name: "cache", key: "" } }, ...memoize },
      ...more,
    },
  ],
});
const cache = { namespace: "default", name: "cache" };

test("a cache's entry is upstream's: it is labelled, a hit is noted, and a hit publishes global outputs", async () => {
  await using stage = await start(() => ({ parameters: [{ name: "o", value: "v", globalName: "g" }] }));
  const spec = cached({}, { outputs: { parameters: [{ name: "o", globalName: "g", valueFrom: { path: "/o" } }] } });
  await stage.run(spec, "one");
  const made = await stage.cluster.until(ConfigMaps, cache, (found) => found?.data?.k !== undefined);
  assert.equal(made?.metadata.labels?.["workflows.argoproj.io/configmap-type"], "Cache");
  const entry = JSON.parse(made?.data?.k ?? "");
  assert.deepEqual([entry.nodeID, entry.outputs.parameters[0].value], ["one", "v"]);
  assert.ok(Date.parse(entry.creationTimestamp) > 0);
  const old = { ...entry, lastHitTimestamp: "2020-01-01T00:00:00Z" };
  const body = { data: { k: JSON.stringify(old) } };
  await stage.cluster.client.patch(ConfigMaps, cache, { type: "merge", body });
  const two = await stage.run(spec, "two");
  assert.deepEqual(two.status?.nodes?.two?.memoizationStatus, { hit: true, key: "k", cacheName: "cache" });
  assert.deepEqual(two.status?.outputs?.parameters, [{ name: "g", value: "v" }]);
  const touched = await stage.cluster.until(ConfigMaps, cache, (found) => !found?.data?.k?.includes("2020-01-01"));
  assert.equal(JSON.parse(touched?.data?.k ?? "").creationTimestamp, entry.creationTimestamp);
  assert.deepEqual(stage.ran, ["one"]);
});

test("an entry older than maxAge is none; an attempt of a retried step counts once", async () => {
  await using stage = await start(() => ({ result: "r" }));
  const entry = { nodeID: "x", creationTimestamp: "2020-01-01T00:00:00Z", lastHitTimestamp: "2020-01-01T00:00:00Z" };
  const labels = { "workflows.argoproj.io/configmap-type": "Cache" };
  await stage.cluster.client.create(ConfigMaps, { metadata: { ...cache, labels }, data: { k: JSON.stringify(entry) } });
  const spec = cached({ maxAge: "1h" }, { retryStrategy: { limit: 2 } });
  const one = await stage.run(spec, "one");
  assert.equal(one.status?.nodes?.one?.memoizationStatus?.hit, false);
  await stage.cluster.until(ConfigMaps, cache, (found) => found?.data?.k?.includes('"one') ?? false);
  const two = await stage.run(spec, "two");
  assert.equal(two.status?.nodes?.two?.memoizationStatus?.hit, true);
  assert.deepEqual(stage.ran, ["one(0)"]);
});

test("foreign ConfigMaps, bad keys and full caches are errors that say why", async () => {
  await using stage = await start((node) => ({
    parameters: [{ name: "o", value: node === "large" ? "x".repeat(200_000) : "v" }],
  }));
  const { client } = stage.cluster;
  await client.create(ConfigMaps, { metadata: { ...cache, name: "other" }, data: {} });
  const messageOf = async (spec: WorkflowSpec, name: string) => {
    const { status } = await stage.run(spec, name);
    assert.equal(status?.phase, "Error");
    return status?.message ?? "";
  };
  const other = cached({ cache: { configMap: { name: "other", key: "" } } });
  assert.match(await messageOf(other, "foreign"), /ConfigMap other .*configmap-type = Cache, refusing to use it/);
  assert.match(await messageOf(cached({ key: "a/b" }), "key"), /invalid cache key: a\/b/);
  const labels = { "workflows.argoproj.io/configmap-type": "Cache" };
  const data = { full: "y".repeat(900_000) };
  await client.create(ConfigMaps, { metadata: { ...cache, labels }, data });
  await stage.cluster.informers.informer(ConfigMaps).synced();
  assert.match(
    await messageOf(cached({}), "large"),
    /error creating cache entry: ConfigMap "cache" would hold 1100\d+ bytes, it must have at most 1048576/,
  );
});

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const kept = (name: string, key: string, letter: string) => ({
  name,
  path: `/${name}`,
  file: { key },
  digest: digest(letter),
});
const metadata = { annotations: { "capstan.dev/memoize": "content" } };

/** `source` makes an artifact, `use` reads it: `use` is the one whose content counts. */
function pipeline(parameter = "1", use: Partial<Template> = {}): WorkflowSpec {
  return {
    entrypoint: "main",
    templates: [
      {
        name: "main",
        dag: {
          tasks: [
            { name: "source", template: "source" },
            {
              name: "use",
              template: "use",
              depends: "source",
              arguments: {
                parameters: [{ name: "p", value: parameter }],
                artifacts: [{ name: "in", from: "{{tasks.source.outputs.artifacts.data}}" }],
              },
            },
          ],
        },
      },
      { name: "source", container, outputs: { artifacts: [{ name: "data", path: "/data" }] } },
      {
        name: "use",
        metadata,
        inputs: { parameters: [{ name: "p" }], artifacts: [{ name: "in", path: "/in" }] },
        container: { ...container, args: ["{{inputs.parameters.p}}"] },
        outputs: { artifacts: [{ name: "model", path: "/model" }] },
        ...use,
      },
    ],
  };
}

test("the same content gives the same outputs without work; another parameter, template or input does not", async () => {
  let letter = "a";
  let runs = 0;
  await using stage = await start((node) => {
    runs++;
    return node.endsWith(".source")
      ? { artifacts: [kept("data", `${runs}/data`, letter)] }
      : { artifacts: [kept("model", `${runs}/model`, "b")] };
  });
  const used = async (name: string, spec = pipeline(), annotations = {}) => {
    const { status } = await stage.run(spec, name, { annotations });
    assert.equal(status?.phase, "Succeeded", status?.message);
    const node = Object.values(status?.nodes ?? {}).find((one) => one.displayName === "use");
    return {
      hit: node?.memoizationStatus?.hit,
      key: node?.outputs?.artifacts?.[0]?.file?.key,
      memo: node?.memoizationStatus,
    };
  };
  const first = await used("first");
  assert.equal(first.hit, false);
  assert.match(first.memo?.key ?? "", /^sha256:/);
  const second = await used("second");
  assert.deepEqual([second.hit, second.key], [true, first.key]);
  assert.equal((await used("parameter", pipeline("2"))).hit, false);
  assert.equal((await used("image", pipeline("1", { container: { ...container, image: "other" } }))).hit, false);
  assert.equal((await used("off", pipeline(), { "capstan.dev/memoize": "off" })).hit, undefined);
  const secret = { secretKeyRef: { name: "s", key: "k" } };
  const env = [{ name: "S", valueFrom: secret }];
  assert.equal((await used("secret", pipeline("1", { container: { ...container, env } }))).hit, undefined);
  letter = "c";
  assert.equal((await used("input")).hit, false);
  letter = "a";
  assert.equal((await used("again")).hit, true);
  stage.gone.add(first.key ?? "");
  assert.equal((await used("gone")).hit, false);
  assert.equal((await used("made-again")).hit, true);
  assert.ok(stage.ran.includes("gone.use") && !stage.ran.includes("made-again.use"));
});

test("a retried step and one behind a lock reuse content too", async () => {
  await using stage = await start((node) => ({
    artifacts: [node.includes("source") ? kept("data", "d", "a") : kept("model", "m", "b")],
  }));
  const spec = pipeline("1", { retryStrategy: { limit: 1 }, synchronization: { mutexes: [{ name: "m" }] } });
  await stage.run(spec, "one");
  const two = await stage.run(spec, "two");
  assert.equal(two.status?.phase, "Succeeded", two.status?.message);
  const ran = stage.ran.filter((node) => node.includes("use"));
  assert.deepEqual(ran, ["one.use(0)"]);
  assert.deepEqual(two.status?.synchronization?.mutex?.holding ?? [], []);
});

test("a file that no step has made counts by its content; nothing is kept of one that changed meanwhile", async () => {
  let during: () => void = () => {};
  await using stage = await start(() => {
    during();
    return { artifacts: [kept("model", "m", "b")] };
  });
  const spec: WorkflowSpec = {
    entrypoint: "main",
    arguments: { artifacts: [{ name: "in", file: { key: "data.csv" } }] },
    templates: [
      {
        name: "main",
        metadata,
        inputs: { artifacts: [{ name: "in", path: "/in" }] },
        container,
        outputs: { artifacts: [{ name: "model", path: "/model" }] },
      },
    ],
  };
  const run = async (name: string, keeps = true) => {
    const { status } = await stage.run(spec, name, { keeps });
    assert.equal(status?.phase, "Succeeded", status?.message);
    return status?.nodes?.[name];
  };
  stage.files.set("data.csv", digest("1"));
  const first = await run("first");
  assert.equal(first?.memoizationStatus?.hit, false);
  assert.equal(first?.inputs?.artifacts?.[0]?.digest, digest("1"));
  assert.equal((await run("same"))?.memoizationStatus?.hit, true);
  stage.files.set("data.csv", digest("2"));
  during = () => stage.files.set("data.csv", digest("3"));
  assert.equal((await run("changed", false))?.memoizationStatus?.hit, false);
  during = () => {};
  stage.files.set("data.csv", digest("2"));
  assert.equal((await run("back"))?.memoizationStatus?.hit, false);
  stage.files.delete("data.csv");
  assert.equal((await run("unknown"))?.memoizationStatus, undefined);
});
