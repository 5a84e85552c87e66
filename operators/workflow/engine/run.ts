// One operation on a workflow: its nodes, its global names, and what is asked of the outside.
import type {
  NodePhase,
  NodeStatus,
  NodeType,
  RetryStrategy,
  Template,
  Workflow,
  WorkflowSpec,
  WorkflowStatus,
} from "@capstan/api/kinds/workflow";
import { fnv1a64, labels, nodeId, podName } from "./names.ts";
import { isOver } from "./phase.ts";
import { Scope } from "./scope.ts";
import type { Reference, TemplateContext } from "./templates.ts";
import type { Effect, Memory, World } from "./world.ts";

export interface NewNode {
  name: string;
  type: NodeType;
  phase: NodePhase;
  message?: string;
  context: TemplateContext;
  reference: Reference;
  boundary?: string;
  template?: Template;
  flag?: NodeStatus["nodeFlag"];
}

export class Run {
  readonly workflow: Workflow;
  readonly status: WorkflowStatus;
  readonly nodes: Record<string, NodeStatus>;
  readonly world: World;
  readonly memory: Memory;
  readonly globals = new Scope();
  readonly effects: Effect[] = [];
  readonly reached: NodeStatus[] = [];
  /** The spec that runs: the workflow's own, or the referred template's with the workflow's over it. */
  spec: WorkflowSpec;
  changed = false;
  depth = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  #activePods: number | undefined;
  #activeIn: Map<string, number> | undefined;

  constructor(workflow: Workflow, world: World, memory: Memory) {
    this.workflow = workflow;
    workflow.status ??= {};
    this.status = workflow.status;
    this.status.nodes ??= {};
    this.nodes = this.status.nodes;
    this.world = world;
    this.memory = memory;
    this.spec = this.status.storedWorkflowTemplateSpec ?? workflow.spec;
  }

  get name(): string {
    return this.workflow.metadata.name;
  }
  get now(): string {
    return new Date(this.world.now).toISOString().replace(/\.\d+Z$/, "Z");
  }
  get shutdown(): "" | "Stop" | "Terminate" {
    return this.workflow.spec.shutdown ?? this.spec.shutdown ?? "";
  }
  get deadline(): number | undefined {
    const seconds = this.workflow.spec.activeDeadlineSeconds ?? this.spec.activeDeadlineSeconds;
    if (seconds === undefined || !this.status.startedAt) return undefined;
    return Date.parse(this.status.startedAt) + seconds * 1000;
  }
  get pastDeadline(): boolean {
    return this.deadline !== undefined && this.world.now >= this.deadline;
  }

  /** Asks to be called again at a time, epoch milliseconds. */
  wakeAt(time: number): void {
    this.#wakeAt = Math.min(this.#wakeAt, time);
  }
  get requeueAfter(): number | undefined {
    return this.#wakeAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, this.#wakeAt - this.world.now);
  }

  node(name: string): NodeStatus | undefined {
    const node = this.nodes[this.#usualId(name)];
    if (!node || node.name === name) return node;
    return this.nodes[this.#wideId(name)];
  }
  /** The ID of a node: wider where another node already has the usual one. */
  idOf(name: string): string {
    const id = this.#usualId(name);
    const holder = this.nodes[id];
    return holder && holder.name !== name ? this.#wideId(name) : id;
  }
  #usualId(name: string): string {
    let id = this.memory.ids.get(name);
    if (id === undefined) {
      id = nodeId(this.name, name);
      this.memory.ids.set(name, id);
    }
    return id;
  }
  #wideId(name: string): string {
    return `${this.name}-${fnv1a64(name)}`;
  }
  podName(node: NodeStatus): string {
    return this.podNameOf(node.name, node.templateRef?.template ?? node.templateName ?? "", node.id);
  }
  podNameOf(name: string, template: string, id: string): string {
    return podName(this.name, name, template, id, this.workflow.metadata.annotations?.[labels.podNameFormat]);
  }

  addNode({ name, type, phase, message, context, reference, boundary, template, flag }: NewNode): NodeStatus {
    const id = this.idOf(name);
    const boundaryName = boundary ? this.nodes[boundary]?.name : undefined;
    const node: NodeStatus = {
      id,
      name,
      displayName: displayName(name, boundaryName),
      type,
      templateScope: context.scope,
      phase,
      startedAt: this.now,
      finishedAt: null,
      ...(boundary ? { boundaryID: boundary } : {}),
      ...(reference.templateRef ? { templateRef: reference.templateRef } : {}),
      ...(reference.template ? { templateName: reference.template } : {}),
      ...(message ? { message } : {}),
      ...(flag ? { nodeFlag: { ...flag } } : {}),
      ...(template?.inputs && hasAny(template.inputs) ? { inputs: template.inputs } : {}),
      ...(type === "Pod" ? { progress: "0/1" } : {}),
    };
    if (isOver(node)) node.finishedAt = this.now;
    this.nodes[id] = node;
    this.changed = true;
    this.#count(node, 1);
    if (isOver(node)) this.reached.push(node);
    return node;
  }

  mark(node: NodeStatus, phase: NodePhase, message?: string): NodeStatus {
    if (node.phase !== phase) {
      if (isOver({ phase })) {
        this.#count(node, -1);
        this.reached.push(node);
      }
      node.phase = phase;
      this.changed = true;
    }
    if (message !== undefined && (node.message ?? "") !== message) {
      if (message === "") delete node.message;
      else node.message = message;
      this.changed = true;
    }
    if (isOver(node) && !node.finishedAt) {
      node.finishedAt = this.now;
      this.changed = true;
    }
    return node;
  }

  addChild(parent: NodeStatus, child: NodeStatus): void {
    parent.children ??= [];
    if (parent.children.includes(child.id)) return;
    parent.children.push(child.id);
    this.changed = true;
  }

  childrenOf(node: NodeStatus): NodeStatus[] {
    return (node.children ?? []).flatMap((id) => this.nodes[id] ?? []);
  }
  /** Nodes directly inside a boundary. */
  inside(boundary: string): NodeStatus[] {
    return Object.values(this.nodes).filter((node) => node.boundaryID === boundary);
  }

  /** Pods, and templates of steps, that are under way: in all, or directly inside a boundary. */
  active(boundary?: string): number {
    if (!this.#activeIn) {
      this.#activeIn = new Map();
      this.#activePods = 0;
      for (const node of Object.values(this.nodes)) if (!isOver(node)) this.#count(node, 1);
    }
    return boundary === undefined ? (this.#activePods ?? 0) : (this.#activeIn.get(boundary) ?? 0);
  }
  #count(node: NodeStatus, by: number): void {
    if (!this.#activeIn || this.#activePods === undefined || (by > 0 && isOver(node))) return;
    if (node.type === "Pod") this.#activePods += by;
    if (!["Pod", "Steps", "DAG", "Suspend"].includes(node.type) || !node.boundaryID) return;
    this.#activeIn.set(node.boundaryID, (this.#activeIn.get(node.boundaryID) ?? 0) + by);
  }

  retryStrategy(template: Template): RetryStrategy | undefined {
    return template.retryStrategy ?? this.spec.retryStrategy;
  }
}

function hasAny({ parameters, artifacts }: { parameters?: unknown[]; artifacts?: unknown[] }): boolean {
  return Boolean(parameters?.length || artifacts?.length);
}

/** The name without the boundary's and without a step group's number. */
function displayName(name: string, boundary: string | undefined): string {
  if (!boundary || !name.startsWith(boundary)) return name;
  const own = name.slice(boundary.length).replace(/^\./, "");
  return own.replace(/^\[\d+\]\.(?=.)/, "") || name;
}
