import type { ConfigMap, Pod } from "@capstan/api/generated/core-v1";
import type {
  ArtifactRepository,
  NodeStatus,
  Outputs,
  Template,
  Workflow,
  WorkflowSpec,
  WorkflowTaskResult,
  WorkflowTaskSet,
} from "@capstan/api/kinds/workflow";
import {
  createLockTable,
  createMemory,
  type Effect,
  type Outcome,
  operate,
  type World,
} from "@capstan/operators/workflow";
import { parse } from "yaml";

/** How one pod ends. */
export interface PodEnd {
  exitCode?: number;
  outputs?: Outputs;
  /** Stays running. */
  forever?: boolean;
  message?: string;
}
export interface SimulationOptions {
  /** By node display name, else by template name; absent ones succeed. A function gets the pod's template. */
  ends?: Record<string, PodEnd | ((template: Template, node: NodeStatus) => PodEnd)>;
  templates?: Record<string, WorkflowSpec>;
  configMaps?: Record<string, Record<string, string>>;
  /** Default: the directory. */
  repository?: ArtifactRepository;
  /** Called before each operation, to change the workflow as a user would. */
  before?: (workflow: Workflow, round: number) => void;
  /** What becomes of a pod as it is made; it is its own business from then on. */
  pods?: (pod: Pod) => Pod;
  /** Forgets what the engine remembers before each operation, or before those that it says, as a restart does. */
  forgetful?: boolean | (() => boolean);
  /** Called after each operation, with what one that remembers nothing makes of the same. */
  compare?: (incremental: Operated, whole: Operated) => void;
  /** Pods that do not end yet. */
  linger?: () => boolean;
  /** Most operations. Default 2000. */
  roundLimit?: number;
}
export interface Simulation {
  workflow: Workflow;
  pods: Map<string, Pod>;
  effects: Effect[];
  samples: Outcome["samples"];
  entered: Outcome["entered"];
  /** Order in which pods were created, by node name. */
  order: string[];
  rounds: number;
  node(name: string): NodeStatus;
}

/** A workflow after an operation. */
export interface Operated {
  workflow: Workflow;
  outcome: Outcome;
}

const start = Date.parse("2026-01-02T03:04:05Z");

/** Runs until nothing more happens. Time jumps to what the engine waits for. */
export function simulate(source: string | Workflow, options: SimulationOptions = {}): Simulation {
  let workflow = typeof source === "string" ? readWorkflow(source) : source;
  const state = createState(options);
  let memory = createMemory();
  for (let round = 0; round < (options.roundLimit ?? 2000); round++) {
    const before = options.before ? JSON.stringify(workflow) : "";
    options.before?.(workflow, round);
    // What somebody else wrote may concern anything.
    const { forgetful } = options;
    const forgets = typeof forgetful === "function" ? forgetful() : forgetful;
    if (forgets || (options.before && JSON.stringify(workflow) !== before)) memory = createMemory();
    workflow = structuredClone(workflow);
    const whole = options.compare ? structuredClone(workflow) : undefined;
    for (const id of state.told.splice(0)) {
      if (id === "") memory.attention.tellAll();
      else memory.attention.tell(id);
    }
    const outcome = operate(workflow, state.world, memory);
    state.samples.push(...outcome.samples);
    state.entered.push(...outcome.entered);
    if (whole) {
      options.compare?.(
        { workflow, outcome },
        { workflow: whole, outcome: operate(whole, state.world, createMemory()) },
      );
    }
    state.rounds++;
    let moved = outcome.changed;
    for (const effect of outcome.effects) moved = state.carryOut(effect, workflow) || moved;
    moved = state.endPods(workflow) || moved;
    if (!moved) {
      if (outcome.requeueAfter === undefined || workflow.status?.finishedAt) break;
      state.world.now += outcome.requeueAfter + 1;
    }
  }
  const find = (name: string) => {
    const node = Object.values(workflow.status?.nodes ?? {}).find((n) => n.displayName === name || n.name === name);
    if (!node)
      throw new Error(
        `no node ${name} among ${Object.values(workflow.status?.nodes ?? {})
          .map((n) => n.name)
          .join(", ")}`,
      );
    return node;
  };
  const { pods, effects, samples, entered, order, rounds } = state;
  return { workflow, pods, effects, samples, entered, order, rounds, node: find };
}

export function readWorkflow(yaml: string): Workflow {
  const workflow = parse(yaml) as Workflow;
  workflow.metadata = {
    ...workflow.metadata,
    name: workflow.metadata?.name ?? "wf",
    namespace: "default",
    uid: "uid-1",
    creationTimestamp: new Date(start).toISOString(),
  };
  return workflow;
}

function createState(options: SimulationOptions) {
  const pods = new Map<string, Pod>();
  const results = new Map<string, WorkflowTaskResult>();
  const effects: Effect[] = [];
  const order: string[] = [];
  /** Nodes that something happened to since the last operation; "" stands for all. */
  const told: string[] = [];
  const configMaps = new Map<string, ConfigMap>();
  for (const [name, data] of Object.entries(options.configMaps ?? {})) {
    configMaps.set(name, { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data });
  }
  const tasks: WorkflowTaskSet = { apiVersion: "", kind: "", metadata: { name: "" }, spec: { tasks: {} }, status: {} };
  const world: World = {
    now: start,
    pod: (name) => pods.get(name),
    pods: () => [...pods.values()],
    taskSet: () => (Object.keys(tasks.spec.tasks ?? {}).length > 0 ? tasks : undefined),
    taskResult: (id) => results.get(id),
    templates: (scope, name) => options.templates?.[`${scope}/${name}`],
    configMap: (name) => configMaps.get(name),
    claim: () => undefined,
    podFailure: () => undefined,
    repository: () => ({ repository: options.repository ?? { file: {} } }),
    locks: createLockTable((holder) => told.push(holder.split("/")[2] ?? "")),
    settings: { executorImage: "capstan/executor", agentImage: "capstan/agent", depthLimit: 100 },
  };
  const born = options.pods ?? ((pod: Pod) => pod);
  const carryOut = (effect: Effect, workflow: Workflow): boolean => {
    effects.push(effect);
    switch (effect.do) {
      case "create pod":
        order.push(effect.pod.metadata.annotations?.["workflows.argoproj.io/node-name"] ?? "");
        pods.set(effect.pod.metadata.name, born({ ...effect.pod, status: { phase: "Pending" } }));
        return true;
      case "delete pod":
        told.push(nodeOf(pods.get(effect.name)));
        return pods.delete(effect.name);
      case "stop pod": {
        const pod = pods.get(effect.name);
        if (pod?.status?.phase !== "Running") return false;
        pod.status.phase = "Failed";
        told.push(nodeOf(pod));
        return true;
      }
      case "add task": {
        const node = workflow.status?.nodes?.[effect.id] as NodeStatus;
        const end = endOf(options, effect.template, node);
        const phase = end.exitCode ? "Failed" : "Succeeded";
        const result = { phase, message: end.message ?? "", ...(end.outputs ? { outputs: end.outputs } : {}) } as const;
        told.push(effect.id);
        tasks.spec.tasks = { ...tasks.spec.tasks, [effect.id]: effect.template };
        if (!end.forever) tasks.status = { nodes: { ...tasks.status?.nodes, [effect.id]: result } };
        return true;
      }
      case "remember": {
        const map = configMaps.get(effect.configMap) ?? {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: effect.configMap },
          data: {},
        };
        const entry = { nodeID: effect.node, outputs: effect.outputs, creationTimestamp: workflow.status?.startedAt };
        configMaps.set(effect.configMap, { ...map, data: { ...map.data, [effect.key]: JSON.stringify(entry) } });
        return false;
      }
      default:
        return false;
    }
  };
  const endPods = (workflow: Workflow): boolean => {
    let moved = false;
    for (const pod of pods.values()) {
      const isAgent = pod.metadata.labels?.["workflows.argoproj.io/component"] === "agent";
      if (pod.status?.phase !== "Pending" || isAgent) continue;
      moved = true;
      if (options.linger?.()) continue;
      told.push(nodeOf(pod));
      endPod(pod, workflow, options, results, world.now);
    }
    return moved;
  };
  const state = {
    samples: [] as Outcome["samples"],
    entered: [] as Outcome["entered"],
    pods,
    effects,
    order,
    world,
    told,
    rounds: 0,
    carryOut,
    endPods,
  };
  return state;
}

function endOf({ ends }: SimulationOptions, template: Template, node: NodeStatus): PodEnd {
  const found = ends?.[node.displayName ?? ""] ?? ends?.[template.name ?? ""] ?? {};
  return typeof found === "function" ? found(template, node) : found;
}

const nodeOf = (pod: Pod | undefined) => pod?.metadata.annotations?.["workflows.argoproj.io/node-id"] ?? "";

function endPod(
  pod: Pod,
  workflow: Workflow,
  options: SimulationOptions,
  results: Map<string, WorkflowTaskResult>,
  now: number,
) {
  const id = nodeOf(pod);
  const node = workflow.status?.nodes?.[id] as NodeStatus;
  const executor = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ env }) =>
    env?.some(({ name }) => name === "ARGO_TEMPLATE"),
  );
  const text = executor?.env?.find(({ name }) => name === "ARGO_TEMPLATE")?.value ?? "{}";
  const template = JSON.parse(text.replaceAll("$$(", "$(")) as Template;
  const end = endOf(options, template, node);
  if (end.forever) {
    pod.status = {
      phase: "Running",
      podIP: "10.0.0.7",
      containerStatuses: [
        { name: "main", ready: true, restartCount: 0, image: "", imageID: "", state: { running: {} } },
      ],
    };
    return;
  }
  const exitCode = end.exitCode ?? 0;
  const at = new Date(now).toISOString();
  const terminated = (code: number) => ({
    terminated: {
      exitCode: code,
      reason: code === 0 ? "Completed" : "Error",
      startedAt: at,
      finishedAt: at,
      message: code === 0 ? "" : (end.message ?? ""),
    },
  });
  const base = { ready: false, restartCount: 0, image: "", imageID: "" };
  pod.status = {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    containerStatuses: pod.spec.containers.map(({ name }) => ({
      ...base,
      name,
      state: terminated(name === "wait" ? 0 : exitCode),
    })),
  };
  results.set(id, {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "WorkflowTaskResult",
    metadata: { name: id, resourceVersion: "1", labels: { "workflows.argoproj.io/report-outputs-completed": "true" } },
    ...(end.outputs ? { outputs: end.outputs } : {}),
  });
}
