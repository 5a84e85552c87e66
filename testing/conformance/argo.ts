// Runs a directory of Argo manifests, unmodified, on a fresh Capstan: node testing/conformance/argo.ts <directory> [part of a file name …]
// What each must come to says --table FILE (all others must succeed), else the directory's run.txt, which lists those that must succeed.
// For Argo's own examples: --table testing/conformance/argo/argo-v4.0.2.json.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ConfigMaps, Namespaces, RoleBindings, Secrets, ServiceAccounts } from "@capstan/api/generated/resources";
import { SemaphoreLimits } from "@capstan/api/kinds/records";
import { type Client, createClient } from "@capstan/core/client";
import { loadKubeconfig } from "@capstan/core/wire";
import { apart, type Ending, namespace, readExample, run, store } from "./argo/examples.ts";
import { type Expectation, type Expectations, readExpectations } from "./argo/expectations.ts";
import { imageMap } from "./argo/images.ts";

const root = new URL("../../", import.meta.url).pathname;
const here = import.meta.dirname;
/** Workflows that run at once. */
const atOnce = 6;

interface Row extends Ending {
  name: string;
  state: "ok" | "FAIL" | "lacks";
}

/** What each Workflow must come to; files that are not in it are only what others need. */
function readTable(directory: string, table: string | undefined): Expectations {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  const all = Object.fromEntries(files.map((file) => [file, {}]));
  if (table) return { ...all, ...readExpectations(table) };
  const wanted = join(directory, "run.txt");
  if (!existsSync(wanted)) return all;
  const names = readFileSync(wanted, "utf8").split("\n").filter(Boolean);
  return Object.fromEntries(names.map((file) => [file, {}]));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { table: { type: "string" } } });
  const [given, ...parts] = positionals;
  if (!given) throw new Error("usage: argo.ts [--table FILE] <directory of examples> [part of a file name …]");
  const directory = resolve(given);
  const table = readTable(directory, values.table);
  const data = mkdtempSync(join(tmpdir(), "capstan-argo-"));
  const own = join(directory, "argosay");
  const map = join(data, "images.json");
  writeFileSync(map, JSON.stringify(imageMap(existsSync(own) ? own : join(here, "argo/argosay"), data)));
  const bin = join(root, "apps/capstan/bin.js");
  const ports = ["--api-port", "0", "--console-port", "0", "--gateway-port", "0"];
  const home = join(data, "home");
  const up = spawn(process.execPath, [bin, "up", "--data-dir", home, "--no-quickstart", "--image-map", map, ...ports], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const gone = once(up, "exit");
  try {
    const status = spawn(process.execPath, [bin, "status", "--data-dir", home, "--wait", "60"], { stdio: "ignore" });
    const [code] = await once(status, "exit");
    if (code !== 0) throw new Error("Capstan did not become ready");
    const client = createClient(await loadKubeconfig(join(home, "kubeconfig")));
    await furnish(client);
    return await runAll(client, directory, table, parts);
  } finally {
    up.kill("SIGINT");
    await gone;
    if (process.env.KEEP) console.log(`kept ${data}`);
    else rmSync(data, { recursive: true, force: true });
  }
}

/** What the examples say a person makes first. */
async function furnish(client: Client): Promise<void> {
  await client.create(Namespaces, { metadata: { name: apart }, spec: {} });
  // Some examples change objects with the rights of the default account.
  await client.create(RoleBindings, {
    metadata: { name: "default-admin", namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
    subjects: ["default", "argo-server"].map((name) => ({ kind: "ServiceAccount", name, namespace })),
  });
  await client.create(ServiceAccounts, { metadata: { name: "argo-server", namespace } });
  await client.create(ConfigMaps, {
    metadata: { name: "artifact-repositories", namespace },
    data: { "my-key": "file: {}" },
  });
  await client.create(ConfigMaps, {
    metadata: { name: "my-config", namespace },
    data: { workflow: "1", template: "2", bar: "value" },
  });
  for (const name of ["workflow", "template"])
    await client.create(SemaphoreLimits, { metadata: { name, namespace }, spec: { limit: 2 } });
  await client.create(Secrets, {
    metadata: { name: "my-secret", namespace },
    stringData: { mypassword: "S00perS3cret" },
  });
}

async function runAll(client: Client, directory: string, table: Expectations, parts: string[]): Promise<number> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .sort();
  const rows: Row[] = [];
  const chosen = (name: string) => parts.length === 0 || parts.some((part) => name.includes(part));
  const tell = (row: Row) => {
    rows.push(row);
    console.log([row.state.padEnd(5), row.name, row.phase, `${row.seconds.toFixed(2)} s`, row.note].join("  "));
  };
  const queue: { name: string; work: () => Promise<Ending>; wanted: Expectation }[] = [];
  for (const file of files) {
    const { workflows, others } = await readExample(join(directory, file));
    for (const object of others) {
      const note = await store(client, object);
      if (!chosen(file) || (workflows.length === 0 && !(file in table))) continue;
      const state = note === undefined ? "ok" : "FAIL";
      tell({ name: `${file} ${object.kind}`, state, phase: note ? "refused" : "Stored", note: note ?? "", seconds: 0 });
    }
    for (const [i, workflow] of workflows.entries()) {
      const name = workflows.length > 1 ? `${file}#${i}` : file;
      const wanted = table[name] ?? table[file];
      if (wanted && chosen(file)) queue.push({ name, wanted, work: () => run(client, workflow, wanted) });
    }
  }
  const turns = queue.values();
  const work = async () => {
    for (const { name, wanted, work } of turns) tell(await judge(name, wanted, work));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return sumUp(rows);
}

async function judge(name: string, wanted: Expectation, work: () => Promise<Ending>): Promise<Row> {
  if (wanted.lacks) return { name, state: "lacks", phase: "-", note: wanted.lacks, seconds: 0 };
  const { phase, note, seconds } = await work().catch(
    (error: Error): Ending => ({ phase: "refused", note: error.message.slice(0, 200), seconds: 0 }),
  );
  const right = (wanted.phase ?? ["Succeeded"]).includes(phase);
  return { name, state: right ? "ok" : "FAIL", phase, note: right ? (wanted.because ?? "") : note, seconds };
}

function sumUp(rows: Row[]): number {
  const count = (state: Row["state"]) => rows.filter((row) => row.state === state).length;
  const [ok, failed, lacking] = [count("ok"), count("FAIL"), count("lacks")];
  console.log(`${ok} of ${ok + failed} as expected; ${lacking} need what this machine lacks`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
