// The tables. Times are RFC 3339 in UTC with milliseconds, so that they sort as texts on every database.
export interface Tables {
  archived_workflows: ArchivedWorkflowRow;
  archived_workflow_labels: { cluster: string; uid: string; name: string; value: string };
  memos: MemoRow;
  sync_limit: { name: string; sizelimit: number };
  sync_controller: { controller: string; time: string };
  sync_state: SyncStateRow;
  lineage_nodes: LineageNodeRow;
  lineage_artifacts: LineageArtifactRow;
}

export interface ArchivedWorkflowRow {
  cluster: string;
  uid: string;
  namespace: string;
  name: string;
  phase: string;
  /** `name` or, of the cluster, `cluster/name`; empty for none. */
  template: string;
  message: string;
  progress: string;
  created_at: string;
  started_at: string;
  finished_at: string;
  archived_at: string;
  labels: string;
  /** gzip of the object's JSON. */
  workflow: Uint8Array;
}

export interface MemoRow {
  cluster: string;
  namespace: string;
  memo_key: string;
  workflow: string;
  node: string;
  outputs: string;
  created_at: string;
  hit_at: string;
}

/** Names and columns are upstream's, so that its queries work: docs/synchronization.md. */
export interface SyncStateRow {
  /** `mtx/namespace/name` or `sem/namespace/key`. */
  name: string;
  workflowkey: string;
  controller: string;
  held: number;
  priority: number;
  time: string;
}

export interface LineageNodeRow {
  cluster: string;
  uid: string;
  node: string;
  namespace: string;
  workflow: string;
  node_name: string;
  template: string;
  phase: string;
  finished_at: string;
  reused: number;
  parameters: string;
}

export interface LineageArtifactRow {
  cluster: string;
  uid: string;
  node: string;
  namespace: string;
  /** 0: the node read it, 1: the node made it. */
  made: number;
  name: string;
  /** What it is known by: its digest, else its location. */
  artifact: string;
  location: string;
}
