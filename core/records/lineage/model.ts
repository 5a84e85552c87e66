// What a lineage tells.
import type { LineageStep } from "@capstan/api/kinds/records";

export interface LineageNode extends LineageStep {
  namespace: string;
}

/** A node by its ID, its name, or the end of its name after a dot: of several, all. */
export type LineageStart = { artifact: string } | { workflow: string; node?: string };
export interface LineageQuery {
  namespace: string;
  start: LineageStart;
  /** `up`: what it came from; `down`: what came of it. */
  direction: "up" | "down" | "both";
}
/** Whom a trace has found, nearest first. */
export interface LineageTrace {
  nodes: LineageNode[];
  /** The artifacts that the question was about. */
  artifacts: string[];
  /** There are more than traceLimit. */
  cut: boolean;
}

export interface LineageRecords {
  /** Writes nodes down; those that are known are replaced. One commit for all. */
  record(nodes: LineageNode[]): Promise<void>;
  /** @throws LineageQueryError when the beginning of a digest fits several artifacts. */
  trace(query: LineageQuery): Promise<LineageTrace>;
  deleteNamespace(namespace: string): Promise<void>;
}

/** A query that has no one answer. */
export class LineageQueryError extends Error {}
