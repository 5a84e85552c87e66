// The workflow engine, and Argo's controller on kube-apiserver and etcd with the same simulated node.
import { findPrograms } from "../../peers/kube-apiserver/start.ts";
import { type Figure, quantile } from "../report.ts";
import { chain, fanOut, rows } from "./manifests.ts";
import { costOf, gapsIn, rateOf, runAll, warmUp } from "./measure.ts";
import { type System, startApart, startArgo, startTogether } from "./system.ts";

/** Argo's workflow-controller; without it there is no peer. */
const controller = process.env.CAPSTAN_ARGO_CONTROLLER;

async function measurePeer(tuned: boolean, steps: number, workflows: number) {
  const programs = findPrograms();
  if (!programs || !controller) {
    console.log("workflow: no peer: CAPSTAN_KUBE_APISERVER, CAPSTAN_ETCD and CAPSTAN_ARGO_CONTROLLER name no programs");
    return undefined;
  }
  await using system = await startArgo(programs, controller, tuned);
  await warmUp(system, 5);
  const gaps = await gapsIn(system, steps);
  return { gap: quantile(gaps, 0.5), rate: await rateOf(system, workflows) };
}

/** Gaps between steps and the rate of workflows: as the platform runs them, and Argo's. */
export async function measureWorkflows(): Promise<Figure[]> {
  const measureOurs = async (system: System) => {
    await warmUp(system);
    return { gaps: await gapsIn(system, 300), rate: await rateOf(system, 1000) };
  };
  await using system = await startTogether();
  const { gaps, rate } = await measureOurs(system);
  await system[Symbol.asyncDispose]();
  const figures: Figure[] = [
    { name: "step's end → its successor's pod, chain of 300", unit: "ms", samples: gaps, budget: 30 },
  ];
  for (const [tuned, steps, workflows] of [
    [true, 20, 200],
    [false, 3, 30],
  ] as const) {
    const peer = await measurePeer(tuned, steps, workflows);
    if (!peer) continue;
    const name = tuned ? "Argo, tuned" : "Argo, defaults";
    figures.push(
      { name: `the same against ${name}`, unit: "ms", samples: gaps, peer: { name, value: peer.gap } },
      {
        name: `1,000 workflows of one step against ${name}`,
        unit: "/s",
        samples: [rate],
        peer: { name, value: peer.rate, wanted: tuned ? { least: 10 } : undefined },
      },
    );
  }
  if (figures.length === 1) figures.push({ name: "1,000 workflows of one step", unit: "/s", samples: [rate] });
  return figures;
}

/** What steps cost the engine's own process, the API server apart. */
export async function measureWorkflowCost(): Promise<Figure[]> {
  await using system = await startApart();
  await warmUp(system);
  const chained = await costOf(system, chain("chain", 1000), 1000);
  const fanned = await costOf(system, fanOut("fan", 5000), 5001);
  const unit = "ms of processor a node";
  return [
    { name: "chain of 1,000 steps", unit, samples: [chained], budget: 2 },
    { name: "fan-out of 5,000", unit, samples: [fanned], budget: 2 },
  ];
}

/** A DAG of 50,000 nodes in one process with the API server: its largest memory. */
export async function measureLargeWorkflow(width = 1000, height = 50): Promise<Figure[]> {
  await using system = await startTogether();
  const seconds = await runAll(system.client, [rows("large", width, height)], { patience: 900_000 });
  const nodes = (width * height).toLocaleString("en");
  return [
    { name: `DAG of ${nodes} nodes`, unit: "s", samples: [seconds] },
    {
      name: "its process, API server included, at most",
      unit: "MB",
      samples: [system.engineMegabytes().most],
      budget: 1000,
    },
  ];
}

/** Pods that come sooner after it was killed are still those of the first engine, milliseconds. */
const fastestStart = 100;

/** The engine is killed in the middle of a wide workflow and started again. */
export async function measureWorkflowRestart(): Promise<Figure[]> {
  await using system = await startApart();
  await warmUp(system);
  await system.node.take();
  const running = runAll(system.client, [rows("restart", 100, 10)]);
  const seen = await seenUntil(system, 450);
  const began = performance.timeOrigin + performance.now();
  await system.restartEngine();
  const killed = performance.timeOrigin + performance.now();
  await running;
  seen.push(...(await system.node.take()));
  const nodes = new Set(seen.map(({ node }) => node));
  if (nodes.size !== seen.length) throw new Error(`${seen.length - nodes.size} steps ran twice`);
  const next = Math.min(...seen.map((entry) => entry.seen).filter((time) => time > killed + fastestStart));
  return [
    { name: "engine killed and started → next pod", unit: "s", samples: [(next - began) / 1000], budget: 2 },
    { name: "steps that ran twice, of 1,000", unit: "", samples: [seen.length - nodes.size], budget: 0 },
  ];
}

async function seenUntil(system: System, count: number) {
  const seen: Awaited<ReturnType<System["node"]["take"]>> = [];
  while (seen.length < count) {
    seen.push(...(await system.node.take()));
    await new Promise<void>((resolve) => setTimeout(resolve, 50));
  }
  return seen;
}
