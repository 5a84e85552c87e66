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
import type { Place } from "./attention.ts";
import type { Batch } from "./batch.ts";
import { Ledger } from "./ledger.ts";
import { releaseLocks } from "./locks.ts";
import { cacheProblem } from "./memoize.ts";
import { fnv1a64, label, labels, nodeId, podName } from "./names.ts";
import { hasRun, isOver } from "./phase.ts";
import type { Scope } from "./scope.ts";
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

/** What one operation tells of at most: an object gets no more events at once. */
const enteredLimit = 25;

export interface Entered {
  node: NodeStatus;
  phase: NodePhase;
}

/** Whole seconds from start to end; 0 where they are not known. */
export function secondsOf(over: { startedAt?: unknown; finishedAt?: unknown } | undefined): number {
  if (!over?.startedAt || !over.finishedAt) return 0;
  return Math.trunc((Date.parse(String(over.finishedAt)) - Date.parse(String(over.startedAt))) / 1000);
}

/** How far a node is before it begins, as its template says. */
function startOf(template: Template | undefined): string {
  const said = template?.metadata?.annotations?.[label("progress")] ?? "";
  return /^\d{1,15}\/\d{1,15}$/.test(said) ? said : "0/1";
}

/** Nodes that one operation may begin in so many templates inside one another: what calls itself twice would never end. */
const mostDeep = 10_000;
const deep = 10;

export class TooManyNodes extends Error {
  constructor() {
    const where = `${deep} templates inside one another`;
    super(`more than ${mostDeep} nodes would begin at once ${where} (limit mostDeep): which template calls itself?`);
    this.name = "TooManyNodes";
  }
}

export class Run {
  readonly workflow: Workflow;
  readonly status: WorkflowStatus;
  readonly nodes: Record<string, NodeStatus>;
  readonly world: World;
  readonly memory: Memory;
  readonly globals: Scope;
  readonly ledger: Ledger;
  readonly effects: Effect[] = [];
  #deep = 0;
  readonly reached: NodeStatus[] = [];
  /** Nodes that this operation has made. */
  readonly begun: NodeStatus[] = [];
  /** Phases that nodes entered, in order; the first of them where there are many. */
  readonly entered: Entered[] = [];
  /** The spec that runs: the workflow's own, or the referred template's with the workflow's over it. */
  spec: WorkflowSpec;
  changed = false;
  pressing = false;
  depth = 0;
  /** The node that was last held back would have been a pod. */
  heldIsPod = false;
  /** Where the node that is being looked at stands. */
  #place: Place | undefined;

  constructor(workflow: Workflow, world: World, memory: Memory) {
    this.workflow = workflow;
    workflow.status ??= {};
    this.status = workflow.status;
    this.status.nodes ??= {};
    this.nodes = this.status.nodes;
    this.world = world;
    this.memory = memory;
    this.globals = memory.globals;
    memory.ledger ??= new Ledger(Object.values(this.nodes));
    this.ledger = memory.ledger;
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

  /** Asks to look at a node again at a time, epoch milliseconds; without a node, at everything. */
  wakeAt(time: number, node?: NodeStatus): void {
    this.memory.attention.wakeAt(time, node?.id ?? "");
  }
  get requeueAfter(): number | undefined {
    const { attention } = this.memory;
    if (attention.isCalled(this.world.now)) return 0;
    const next = attention.nextTime;
    return next === Number.POSITIVE_INFINITY ? undefined : Math.max(0, next - this.world.now);
  }

  /** Looks at what stands at a place. */
  at<T>(place: Place, look: () => T): T {
    const before = this.#place;
    this.#place = place;
    try {
      return look();
    } finally {
      this.#place = before;
    }
  }
  /** What happens to this node concerns the place that is being looked at. */
  attend(node: NodeStatus): void {
    if (!isOver(node)) this.memory.attention.place(node.id, this.#place);
  }
  /** Looks at a body again when there is room for what a limit holds back of it. */
  hold(body: NodeStatus, batch: Batch): void {
    const { attention } = this.memory;
    attention.setCrowded(body.id, batch.isCrowded);
    if (batch.isCalled(this, body.id)) attention.tell(body.id);
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
      ...(type === "Pod" ? { progress: startOf(template) } : {}),
      ...this.#estimate(name),
    };
    if (isOver(node)) node.finishedAt = this.now;
    if (this.depth > deep && ++this.#deep > mostDeep) throw new TooManyNodes();
    this.nodes[id] = node;
    this.begun.push(node);
    this.#enter(node, undefined);
    this.changed = true;
    this.ledger.add(node);
    // Its time counts from here, and people look for it.
    if (type === "Suspend") this.pressing = true;
    if (isOver(node)) this.#end(node);
    return node;
  }

  /** Takes back all that this operation has begun. */
  withdraw(): void {
    const ids = new Set(this.begun.splice(0).map(({ id }) => id));
    this.effects.length = 0;
    for (const id of ids) delete this.nodes[id];
    for (const node of Object.values(this.nodes)) {
      if (node.children) node.children = node.children.filter((id) => !ids.has(id));
    }
  }

  mark(node: NodeStatus, phase: NodePhase, message?: string): NodeStatus {
    const problem = phase === "Succeeded" && node.phase !== phase ? cacheProblem(this, node) : undefined;
    if (problem) return this.mark(node, "Error", problem);
    if (node.phase !== phase) {
      this.ledger.leave(node);
      const before = node.phase;
      node.phase = phase;
      this.#enter(node, before);
      this.ledger.enter(node);
      if (isOver(node)) this.#end(node);
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

  get baseline(): Workflow | undefined {
    this.memory.baseline ??= this.world.baseline?.() ?? null;
    return this.memory.baseline ?? undefined;
  }

  /** As long as the same node took in the earlier run. */
  #estimate(name: string): { estimatedDuration?: number } {
    const { baseline } = this;
    if (!baseline?.status?.nodes) return {};
    const before = baseline.metadata.name;
    const estimatedDuration = secondsOf(baseline.status.nodes[nodeId(before, name.replace(this.name, before))]);
    return estimatedDuration ? { estimatedDuration } : {};
  }

  /** Whoever ran was Running, though nobody saw it. */
  #enter(node: NodeStatus, before: NodePhase | undefined): void {
    const { phase = "Pending" } = node;
    if (this.entered.length >= enteredLimit || (before === undefined && !hasRun(node) && phase !== "Running")) return;
    if (hasRun(node) && (before === undefined || before === "Pending")) this.entered.push({ node, phase: "Running" });
    this.entered.push({ node, phase });
  }

  #end(node: NodeStatus): void {
    this.reached.push(node);
    releaseLocks(this, `${this.workflow.metadata.namespace}/${this.name}/${node.id}`);
    this.memory.attention.forget(node.id);
    this.memory.processed.delete(node.id);
    this.memory.expanded.delete(node.name);
    this.memory.results.delete(node.id);
    this.memory.contents.delete(node.id);
  }

  addChild(parent: NodeStatus, child: NodeStatus): void {
    parent.children ??= [];
    if (isAmong(parent.children, child.id)) return;
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

  retryStrategy(template: Template): RetryStrategy | undefined {
    return template.retryStrategy ?? this.spec.retryStrategy;
  }
}

/** Lists that are long, as sets. */
const sets = new WeakMap<string[], Set<string>>();
const longList = 32;

function isAmong(list: string[], id: string): boolean {
  if (list.length < longList) return list.includes(id);
  let set = sets.get(list);
  if (!set) {
    set = new Set(list);
    sets.set(list, set);
  }
  if (set.size !== list.length) for (const one of list.slice(set.size)) set.add(one);
  return set.has(id);
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
