import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

/** Where progress lines go. On a terminal the line of what runs now is rewritten in place. */
export interface Progress {
  /** What runs now. */
  running(text: string): void;
  /** One thing is done: its line stays. */
  done(text: string): void;
}

/** @param stream stdout or alike; @param terminal whether lines can be rewritten. */
export function createProgress(stream: { write(text: string): unknown }, terminal: boolean): Progress {
  const started = Date.now();
  const clock = () => `${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s`;
  const clear = terminal ? "\r\x1b[2K" : "";
  return {
    running(text) {
      if (terminal) stream.write(`${clear}${clock()}  … ${text}`);
    },
    done(text) {
      stream.write(`${clear}${clock()}  ✓ ${text}\n`);
    },
  };
}

/** Reports each pod node of a workflow once it has started and once it has ended. */
export function createNodeReport(progress: Progress): (workflow: Workflow) => void {
  const told = new Set<string>();
  return (workflow) => {
    const pods = Object.values(workflow.status?.nodes ?? {}).filter((node) => node.type === "Pod");
    for (const node of pods) {
      if (!node.finishedAt || told.has(node.id)) continue;
      told.add(node.id);
      progress.done(`${node.displayName ?? node.name}: ${outcome(node)}`);
    }
    const now = pods.find((node) => node.phase === "Running" || node.phase === "Pending");
    if (now) progress.running(`${now.displayName ?? now.name}`);
  };
}

function outcome(node: NodeStatus): string {
  const seconds = (Date.parse(node.finishedAt ?? "") - Date.parse(node.startedAt ?? "")) / 1000;
  const took = Number.isFinite(seconds) && seconds >= 1 ? `, ${seconds} s` : "";
  return `${node.phase?.toLowerCase() ?? "ended"}${took}${node.message ? `: ${node.message}` : ""}`;
}
