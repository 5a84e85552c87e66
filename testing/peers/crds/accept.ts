// Creates every definition that Argo Workflows and KServe publish in their Go modules, then objects that must and must not pass.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import { type Client, createClient } from "@capstan/core/client";
import { loadKubeconfig } from "@capstan/core/wire";
import { readManifests } from "@capstan/operators/workflow";
import { parse } from "yaml";

const modules: [module: string, definitions: string, examples: string][] = [
  ["github.com/argoproj/argo-workflows/v3@v3.7.3", "manifests/base/crds/full", "examples"],
  ["github.com/kserve/kserve@v0.16.0", "config/crd/full", "docs/samples/v1beta1"],
];

function download(module: string): string {
  const { status, stdout, stderr } = spawnSync("go", ["mod", "download", "-json", module], { encoding: "utf8" });
  if (status !== 0) throw new Error(`go mod download ${module} failed: ${stdout}${stderr}`);
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

const yamlBelow = (directory: string): string[] =>
  (readdirSync(directory, { recursive: true }) as string[])
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => join(directory, name));

/** The instance brings some of these definitions itself, and its operators read them: the full ones take their place. */
async function accept(client: Client, definition: New<CustomResourceDefinition>): Promise<void> {
  try {
    await client.create(CustomResourceDefinitions, definition);
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
    const present = await client.get(CustomResourceDefinitions, { name: definition.metadata.name as string });
    await client.update(CustomResourceDefinitions, { ...present, spec: definition.spec as typeof present.spec });
  }
}

const served = new Map<string, Resource<KubeObject>>();

async function acceptAll(client: Client, directory: string): Promise<number> {
  let failed = 0;
  for (const file of yamlBelow(directory)) {
    const text = readFileSync(file, "utf8");
    const definition = parse(text, { maxAliasCount: -1 }) as New<CustomResourceDefinition>;
    if (definition?.kind !== "CustomResourceDefinition") continue;
    const start = performance.now();
    const size = `${(text.length / 1e6).toFixed(2)} MB`;
    try {
      await accept(client, definition);
      console.log(`ok      ${definition.metadata.name} (${size}, ${Math.round(performance.now() - start)} ms)`);
      const { group, scope, names, versions } = definition.spec as CustomResourceDefinition["spec"];
      for (const { name: version } of versions) {
        const resource = {
          group,
          version,
          resource: names.plural,
          kind: names.kind,
          namespaced: scope === "Namespaced",
        };
        served.set(`${group}/${version}/${names.kind}`, resource);
      }
    } catch (error) {
      failed++;
      console.log(`not ok  ${definition.metadata.name} (${size}): ${(error as Error).message.slice(0, 1000)}`);
    }
  }
  return failed;
}

/** Published examples that their own definitions refuse: a missing key, an array for a string, an unknown field. */
const refusedUpstream = ["memoize-simple.yaml", "github-path-filter-workflowtemplate.yaml", "bloom-560m.yaml"];

/** Every published example passes in a dry run, unknown fields refused. @returns how many do not that should. */
async function tryExamples(client: Client, directory: string): Promise<number> {
  const [start, wrong] = [performance.now(), [] as string[]];
  let count = 0;
  for (const file of yamlBelow(directory)) {
    const objects = await readManifests(readFileSync(file, "utf8")).catch((error: Error) => {
      console.log(`# no YAML: ${file.slice(directory.length + 1)}: ${error.message.split("\n")[0]}`);
      return [];
    });
    for (const object of objects) {
      const resource = served.get(`${object.apiVersion}/${object.kind}`);
      if (!resource) continue;
      count++;
      const where = resource.namespaced ? { namespace: "default" } : {};
      const metadata = { ...object.metadata, ...where };
      const body = JSON.stringify({ ...object, metadata });
      const path = `/apis/${resource.group}/${resource.version}/${resource.namespaced ? "namespaces/default/" : ""}${resource.resource}`;
      const headers = { "content-type": "application/json" };
      const url = `${path}?dryRun=All&fieldValidation=Strict`;
      await client.request({ method: "POST", url, headers, body: Buffer.from(body) }).catch((error: Error) => {
        wrong.push(`${file.slice(directory.length + 1)}: ${error.message.slice(0, 300)}`);
      });
    }
  }
  console.log(`# ${count} examples in ${Math.round(performance.now() - start)} ms, ${wrong.length} refused`);
  for (const line of wrong) console.log(`# refused ${line}`);
  const surprises = wrong.filter((line) => !refusedUpstream.some((name) => line.includes(name)));
  return count === 0 ? 1 : surprises.length;
}

const client = createClient(await loadKubeconfig(process.env.KUBECONFIG ?? ""));
let failed = 0;
for (const [module, definitions, examples] of modules) {
  const root = download(module);
  failed += await acceptAll(client, join(root, definitions));
  failed += await tryExamples(client, join(root, examples));
}
process.exitCode = failed > 0 ? 1 : 0;
