// The example of 1,000,000 rows, each component a process of its own as in a pod; the engine beside scikit-learn's.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentTasks, type GraphTask } from "@capstan/components/contract";
import { createRandom, gbdtDefaults, normal, type Target, trainGbdt } from "@capstan/components/engine";
import { readTemplate } from "../components/run-graph.ts";
import type { Figure } from "./report.ts";

const root = join(import.meta.dirname, "../..");
const rows = 1_000_000;
const threads = 2;

export async function measureComponents(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  try {
    const steps = [];
    for (const task of componentTasks(readTemplate(join(root, "examples/big/workflow-template.yaml"))).flat()) {
      steps.push({ name: task.name, ...(await runTask(task, directory)) });
    }
    const total = steps.reduce((sum, { seconds }) => sum + seconds, 0);
    const most = Math.max(...steps.map(({ megabytes }) => megabytes));
    return [
      { name: "1,000,000 rows, generate to register", unit: "s", samples: [total], budget: 60 },
      { name: "1,000,000 rows, largest process", unit: "MB", samples: [most], budget: 2048 },
      ...steps.map(({ name, seconds }) => ({ name: `1,000,000 rows, ${name}`, unit: "s", samples: [seconds] })),
      await measureEngine(),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function runTask(task: GraphTask, directory: string): Promise<{ seconds: number; megabytes: number }> {
  const inputs = join(directory, task.name, "in");
  mkdirSync(inputs, { recursive: true });
  for (const [port, source] of Object.entries(task.inputs)) {
    if ("task" in source) symlinkSync(join(directory, source.task, "out", source.port), join(inputs, port));
  }
  const args = Object.entries(task.parameters).map(([name, value]) => `--${name}=${value}`);
  const command = [join(root, "apps/component/bin/capstan-component"), task.component, ...args];
  const env = { ...process.env, CAPSTAN_INPUTS: inputs, CAPSTAN_OUTPUTS: join(directory, task.name, "out") };
  const started = performance.now();
  const { output, code } = await collect("/usr/bin/env", ["time", "-f", "peak %M", ...command], env);
  if (code !== 0) throw new Error(`${task.name} ended with ${code}: ${output}`);
  return {
    seconds: (performance.now() - started) / 1000,
    megabytes: Number(/^peak (\d+)$/m.exec(output)?.[1]) / 1024,
  };
}

function collect(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<{ output: string; code: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", (code) => resolve({ output, code: code ?? -1 }));
  });
}

/** 7 features, 100 rounds of 31 leaves; the peer trains on a table of the same kind, where there is one (CAPSTAN_SKLEARN). */
async function measureEngine(): Promise<Figure> {
  const random = createRandom(1);
  const columns = Array.from({ length: 7 }, () => Float32Array.from({ length: rows }, () => normal(random)));
  const at = (f: number, row: number) => columns[f]?.[row] as number;
  const labels = Float32Array.from({ length: rows }, (_, row) => {
    const z = 1.2 * at(0, row) + Math.sin(2 * at(1, row)) + at(2, row) * at(3, row) + Number(at(4, row) > 0.5) - 0.3;
    return Number(random() < 1 / (1 + Math.exp(-z)));
  });
  const target: Target = { objective: "binary", outputs: 1, labels };
  const started = performance.now();
  await trainGbdt(columns, target, { ...gbdtDefaults, threads });
  const seconds = (performance.now() - started) / 1000;
  const figure: Figure = { name: "gradient boosting, 1,000,000 × 7", unit: "s", samples: [seconds], budget: 5 };
  const python = process.env.CAPSTAN_SKLEARN;
  if (python === undefined) return figure;
  const script = join(root, "testing/peers/sklearn/time_boosting.py");
  const env = { ...process.env, OMP_NUM_THREADS: String(threads) };
  const { output, code } = await collect(python, [script, String(rows)], env);
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${output}`);
  return { ...figure, peer: { name: "scikit-learn HistGradientBoosting", value: Number(output) } };
}
