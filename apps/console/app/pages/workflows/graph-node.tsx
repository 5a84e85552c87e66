import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { Mark, toneOf } from "../../ui/phase.tsx";
import { Duration } from "../../ui/time.tsx";
import type { Direction } from "./graph-layout.ts";
import type { GraphNode } from "./graph-model.ts";

export type StepFlowNode = Node<{ node: GraphNode; direction: Direction }, "step">;
export type DotFlowNode = Node<{ direction: Direction }, "dot">;

export const StepNode = memo(function StepNode({ data, selected }: NodeProps<StepFlowNode>) {
  const { node, direction } = data;
  const tone = toneOf(node.phase);
  const phase = node.phase.toLowerCase();
  return (
    <div className={`step step-${phase} tone-${tone}${selected ? " step-selected" : ""}`}>
      <Ends direction={direction} />
      <Mark tone={tone} phase={node.phase} />
      <div className="step-text">
        <strong title={node.label}>{node.label}</strong>
        {node.detail !== "" && <small title={node.detail}>{node.detail}</small>}
      </div>
      {node.startedAt && (
        <span className="step-time">
          <Duration from={node.startedAt} to={node.finishedAt} />
        </span>
      )}
    </div>
  );
});

export const DotNode = memo(function DotNode({ data }: NodeProps<DotFlowNode>) {
  return (
    <div className="dot">
      <Ends direction={data.direction} />
    </div>
  );
});

function Ends({ direction }: { direction: Direction }) {
  const down = direction === "TB";
  return (
    <>
      <Handle type="target" position={down ? Position.Top : Position.Left} />
      <Handle type="source" position={down ? Position.Bottom : Position.Right} />
    </>
  );
}
