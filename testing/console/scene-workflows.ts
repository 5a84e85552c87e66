// Workflows in every state, with statuses as the operator writes them.
import type { NodePhase, NodeStatus, Template, Workflow, WorkflowTemplate } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";

const namespace = "quickstart";

interface Step {
  name: string;
  after: string[];
  /** Seconds after the start, and how long. */
  at: number;
  took: number;
  phase?: NodePhase;
}

export const pipeline: Step[] = [
  { name: "read-file", after: [], at: 0, took: 1 },
  { name: "select-columns", after: ["read-file"], at: 1, took: 1 },
  { name: "impute", after: ["select-columns"], at: 2, took: 1 },
  { name: "split", after: ["impute"], at: 3, took: 1 },
  { name: "one-hot", after: ["split"], at: 4, took: 1 },
  { name: "scale", after: ["one-hot"], at: 5, took: 1 },
  { name: "gbdt", after: ["scale"], at: 6, took: 3 },
  { name: "evaluate", after: ["gbdt", "scale"], at: 9, took: 1 },
  { name: "register", after: ["gbdt", "evaluate"], at: 10, took: 1 },
];

const task = ({ name, after }: Step) => ({
  name,
  ...(after.length > 0 ? { dependencies: after } : {}),
  templateRef: { name: "capstan-components", template: name, clusterScope: true },
});
const dag: Template = { name: "pipeline", dag: { tasks: pipeline.map(task) } };

export const template: New<WorkflowTemplate> = {
  metadata: { name: "penguins", namespace },
  spec: {
    entrypoint: "pipeline",
    arguments: {
      parameters: [
        { name: "seed", value: "7", description: "Of the split and of the training" },
        { name: "rounds", value: "80", description: "Trees to grow at most" },
        { name: "growth", value: "depth", enum: ["depth", "leaf"], description: "Which leaf is split next" },
        { name: "note", description: "Shown with the model" },
      ],
    },
    templates: [dag],
  },
};

/** 32-bit FNV-1a: IDs as upstream makes them. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

export const idOf = (workflow: string, node: string) => (workflow === node ? node : `${workflow}-${hash(node)}`);

const time = (seconds: number, ago: number) =>
  new Date(Date.now() - ago * 1000 + seconds * 1000).toISOString().replace(/\.\d+Z/, "Z");

export const report = {
  kind: "classification",
  rows: 69,
  accuracy: 0.9855,
  macroF1: 0.9821,
  logLoss: 0.0612,
  auc: 0.9991,
  classes: [
    { label: "Adelie", precision: 0.9677, recall: 1, f1: 0.9836, support: 30 },
    { label: "Chinstrap", precision: 1, recall: 0.9286, f1: 0.963, support: 14 },
    { label: "Gentoo", precision: 1, recall: 1, f1: 1, support: 25 },
  ],
  confusion: [
    [30, 0, 0],
    [1, 13, 0],
    [0, 0, 25],
  ],
  roc: ["Adelie", "Chinstrap", "Gentoo"].map((label, index) => ({
    label,
    auc: 1 - index * 0.002,
    points: [
      [0, 0],
      [0, 0.88 + index * 0.04],
      [0.03, 0.95 + index * 0.02],
      [0.08, 1],
      [1, 1],
    ],
  })),
};

function outputsOf(step: Step, workflow: string): NodeStatus["outputs"] {
  const key = `${namespace}/${workflow}/${step.name}`;
  const artifacts = [{ name: "table", path: "/capstan/out/table", file: { key: `${key}/table` } }];
  if (step.name === "evaluate")
    return { parameters: [{ name: "report", value: JSON.stringify(report) }], exitCode: "0" };
  return { artifacts, exitCode: "0" };
}

export interface Run {
  name: string;
  /** Seconds since it began. */
  ago: number;
  /** Seconds that it has been at work: later steps do not exist. */
  until: number;
  failed?: { step: string; message: string };
}

/** The pipeline of the template, as far as it has come. */
export function pipelineRun({ name, ago, until, failed }: Run): New<Workflow> & Pick<Workflow, "status"> {
  const over = failed ? pipeline.findIndex((step) => step.name === failed.step) : pipeline.length;
  const begun = pipeline.filter((step, index) => step.at <= until && index <= over);
  const nodes: Record<string, NodeStatus> = {};
  const ended = until > 10;
  const phase = failed ? "Failed" : ended ? "Succeeded" : "Running";
  const id = (step: string) => idOf(name, `${name}.${step}`);
  for (const step of begun) {
    const done = step.at + step.took <= until;
    const wrong = failed?.step === step.name;
    nodes[id(step.name)] = {
      id: id(step.name),
      name: `${name}.${step.name}`,
      displayName: step.name,
      type: "Pod",
      templateRef: { name: "capstan-components", template: step.name, clusterScope: true },
      templateScope: `local/${name}`,
      boundaryID: name,
      phase: wrong ? "Failed" : done ? "Succeeded" : "Running",
      startedAt: time(step.at, ago),
      ...(done ? { finishedAt: time(step.at + step.took, ago) } : {}),
      ...(wrong ? { message: failed.message } : {}),
      progress: done ? "1/1" : "0/1",
      hostNodeName: "capstan",
      resourcesDuration: { cpu: step.took, memory: step.took * 2 },
      inputs: { parameters: [{ name: "seed", value: "7" }] },
      ...(done && !wrong ? { outputs: outputsOf(step, name) } : {}),
      children: begun.filter((other) => other.after.includes(step.name)).map((other) => id(other.name)),
    };
  }
  nodes[name] = {
    id: name,
    name,
    displayName: name,
    type: "DAG",
    templateName: "pipeline",
    phase,
    startedAt: time(0, ago),
    children: [id("read-file")],
    outboundNodes: ended ? [id("register")] : [],
  };
  const done = Object.values(nodes).filter((node) => node.type === "Pod" && node.phase === "Succeeded").length;
  return {
    metadata: { name, namespace, labels: { "workflows.argoproj.io/workflow-template": "penguins" } },
    spec: { workflowTemplateRef: { name: "penguins" }, arguments: { parameters: [{ name: "seed", value: "7" }] } },
    status: {
      phase,
      startedAt: time(0, ago),
      ...(phase === "Running" ? {} : { finishedAt: time(until, ago) }),
      progress: `${done}/${pipeline.length}`,
      ...(failed ? { message: `${failed.step}: ${failed.message}` } : {}),
      storedWorkflowTemplateSpec: template.spec,
      nodes,
    },
  };
}

/** Steps, a fan-out whose results all meet, and an attempt that failed. */
export function fanOut(name: string, width: number): New<Workflow> & Pick<Workflow, "status"> {
  const nodes: Record<string, NodeStatus> = {};
  const add = (path: string, type: NodeStatus["type"], children: string[], more: Partial<NodeStatus> = {}) => {
    const id = idOf(name, path);
    const of = {
      id,
      name: path,
      displayName: /\[\d+\]$/.exec(path)?.[0] ?? path.replace(/^.*\./, ""),
      type,
      phase: "Succeeded" as const,
    };
    const times = { startedAt: time(0, 900), finishedAt: time(20, 900) };
    nodes[id] = {
      ...of,
      ...times,
      templateName: "shard",
      boundaryID: name,
      children: children.map((c) => idOf(name, c)),
      ...more,
    };
  };
  const shards = Array.from({ length: width }, (_, i) => `${name}[1].count(${i}:${i})`);
  add(name, "Steps", [`${name}[0]`], { displayName: name, templateName: "main", boundaryID: "" });
  add(`${name}[0]`, "StepGroup", [`${name}[0].split`]);
  add(`${name}[0].split`, "Retry", [`${name}[0].split(0)`, `${name}[0].split(1)`]);
  add(`${name}[0].split(0)`, "Pod", [], { phase: "Failed", message: "exit code 1", nodeFlag: { retried: true } });
  add(`${name}[0].split(1)`, "Pod", [`${name}[1]`], { nodeFlag: { retried: true } });
  add(`${name}[1]`, "StepGroup", shards);
  for (const shard of shards) add(shard, "Pod", [`${name}[2]`]);
  add(`${name}[2]`, "StepGroup", [`${name}[2].merge`, `${name}[2].report`]);
  add(`${name}[2].merge`, "Pod", []);
  add(`${name}[2].report`, "Skipped", [], { phase: "Skipped", message: "when '2 > 3' evaluated false" });
  return {
    metadata: { name, namespace },
    spec: { entrypoint: "main", templates: [{ name: "main", steps: [] }] },
    status: {
      phase: "Succeeded",
      startedAt: time(0, 900),
      finishedAt: time(61, 900),
      progress: `${width + 2}/${width + 2}`,
      nodes,
    },
  };
}
