// What the engine may see, and what it asks for. It does nothing itself.
import type { ConfigMap, PersistentVolumeClaim, Pod, Volume } from "@capstan/api/generated/core-v1";
import type { PodDisruptionBudget } from "@capstan/api/generated/policy-v1";
import type {
  Arguments,
  Artifact,
  ArtifactRepository,
  NodePhase,
  NodeStatus,
  Outputs,
  Template,
  Workflow,
  WorkflowSpec,
  WorkflowTaskResult,
  WorkflowTaskSet,
} from "@capstan/api/kinds/workflow";
import type { Sample } from "../metrics/registry.ts";
import { Attention } from "./attention.ts";
import type { Ledger } from "./ledger.ts";
import { Scope } from "./scope.ts";

/** Look-ups in the workflow's own namespace; all answer from caches. */
export interface World {
  /** Epoch milliseconds. */
  now: number;
  pod(name: string): Pod | undefined;
  pods(): Pod[];
  taskSet(): WorkflowTaskSet | undefined;
  taskResult(nodeId: string): WorkflowTaskResult | undefined;
  templates(scope: "namespaced" | "cluster", name: string): WorkflowSpec | undefined;
  /** @param namespace default: the workflow's own. */
  configMap(name: string, namespace?: string): ConfigMap | undefined;
  claim(name: string): PersistentVolumeClaim | undefined;
  /** Why a pod could not be created the last time; passing reasons are tried again. */
  podFailure(name: string): { message: string; passing: boolean } | undefined;
  repository(workflow: Workflow): ResolvedRepository;
  locks: LockTable;
  /** An earlier run of the same, by which times are estimated. */
  baseline?(): Workflow | undefined;
  /** What a step gave for the same content; "asked": `node` is told of when that is known. Absent: nothing is remembered. */
  recallContent?(key: string, node: string): Outputs | "asked" | undefined;
  /** The digest of an artifact that no step has made; "asked" as above. */
  contentDigest?(artifact: Artifact, node: string): string | "asked" | undefined;
  /** Why a metric would not be counted. Absent: nobody counts. */
  metricProblem?(sample: Sample): string | undefined;
  settings: Settings;
}

export interface ResolvedRepository {
  /** Where it was found; absent when it is the built-in default. */
  ref?: { namespace: string; configMap: string; key: string };
  repository: ArtifactRepository;
}

export interface Settings {
  /** Image of init, wait and resource containers. */
  executorImage: string;
  /** The artifact directory as a volume of the executor's containers; absent: their nodes have it themselves. */
  artifactVolume?: Omit<Volume, "name">;
  /** Image of the pod that does HTTP requests. */
  agentImage: string;
  /** Most templates inside one another. */
  depthLimit: number;
  /** Whether a workflow with these labels is archived when it is over. Absent: none is. */
  archives?(labels: Record<string, string>): boolean;
}

/** Mutexes and semaphores of all workflows. Holders and names are texts; the table outlives one reconciliation. */
export interface LockTable {
  /** Takes every lock or none. Answers what the holder waits for. */
  acquire(holder: string, locks: LockRequest[], order: LockOrder): LockWait | undefined;
  release(holder: string): void;
  /** Releases every holder whose name begins so. */
  releaseAll(prefix: string): void;
  holds(holder: string): boolean;
  /** Takes over what was held when an earlier operator ended. */
  adopt(holder: string, names: string[]): void;
  /** Wakes all who wait for locks whose name begins so: their limit may be another. */
  look(prefix: string): void;
}
export interface LockRequest {
  kind: "mutex" | "semaphore";
  /** `namespace/Mutex/name`, `namespace/ConfigMap/name/key` or `namespace/Database/name`. */
  name: string;
  limit: number;
  /** Its name in the database, of those that several clusters share. */
  shared?: string;
}
export interface LockWait {
  request: LockRequest;
  /** Who has it now. */
  holders: string[];
  limit: number;
}

/** Locks in a database. It is asked behind the scenes: whoever waits is woken when the answer is there. */
export interface SharedLocks {
  /** As LockTable's. @throws ExpressionError for a semaphore without a limit. */
  acquire(holder: string, locks: LockRequest[], order: LockOrder): LockWait | undefined;
  release(holder: string): void;
  /** The holder has its locks since an earlier operator. */
  adopt(holder: string): void;
  /** Everybody who has a lock or waits for one. */
  holders(): string[];
}
export interface LockOrder {
  priority: number;
  createdAt: string;
}

export type Effect =
  | { do: "create pod"; pod: Pod }
  | { do: "delete pod"; name: string; after?: number }
  /** Ends a running pod but leaves it to be read. */
  | { do: "stop pod"; name: string }
  | { do: "label pod"; name: string }
  | { do: "create claim"; claim: PersistentVolumeClaim }
  | { do: "delete claim"; name: string }
  | { do: "create budget"; budget: PodDisruptionBudget }
  | { do: "delete budget"; name: string }
  | { do: "add task"; id: string; template: Template }
  | { do: "remove task"; id: string }
  /** Nothing will be added any more. */
  | { do: "close tasks" }
  | { do: "remember"; configMap: string; key: string; node: string; outputs: Outputs | undefined }
  /** Notes when an entry was used last. */
  | { do: "touch memo"; configMap: string; key: string; entry: string }
  /** Keeps outputs under the content that they came from. */
  | { do: "keep memo"; key: string; node: string; inputs: Artifact[]; outputs: Outputs }
  /** Of one node. */
  | { do: "delete result"; node: string }
  | { do: "delete results" }
  | { do: "delete workflow" };

/** What the engine keeps of a workflow between reconciliations, to compute nothing twice. Can be lost at any time. */
export interface Memory {
  /** The earlier run; null where there is none. */
  baseline?: Workflow | null;
  /** Templates with their inputs, by node ID. */
  processed: Map<string, Template>;
  /** Resolved and expanded steps or tasks, by node name. */
  expanded: Map<string, unknown[]>;
  /** Results already read into their node, by node ID → resource version. */
  results: Map<string, string>;
  /** IDs by node name. */
  ids: Map<string, string>;
  /** Content that is being looked up, by node ID → key. */
  contents: Map<string, string>;
  /** Names of `workflow.*`, and the workflow's arguments with their values. */
  globals: Scope;
  given?: Arguments;
  ledger?: Ledger;
  /** What has to be looked at: at first, everything. Whoever calls operate() says what happened since. */
  attention: Attention;
}
export function createMemory(): Memory {
  return {
    processed: new Map(),
    expanded: new Map(),
    results: new Map(),
    ids: new Map(),
    contents: new Map(),
    globals: new Scope(),
    attention: new Attention(),
  };
}

export interface Outcome {
  /** The workflow was changed and has to be written. */
  changed: boolean;
  /** It has to be written at once: others wait for it, or what is not written would be lost. */
  pressing: boolean;
  effects: Effect[];
  /** Milliseconds until a deadline, back-off or timer. */
  requeueAfter?: number;
  /** Phases that nodes entered, the first of them. */
  entered: { node: NodeStatus; phase: NodePhase }[];
  /** What the workflow's metrics say. */
  samples: Sample[];
  /** Nodes that reached a phase in this operation. */
  reached: NodeStatus[];
}
