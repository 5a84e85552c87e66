import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import type { Direction, Point } from "./graph-layout.ts";

export type RoutedFlowEdge = Edge<{ bends: Point[]; direction: Direction }, "routed">;

/** A curve that leaves and arrives straight, around the nodes that the layout led it around. */
export const RoutedEdge = memo(function RoutedEdge(props: EdgeProps<RoutedFlowEdge>) {
  const { id, sourceX, sourceY, targetX, targetY, data } = props;
  const points = [{ x: sourceX, y: sourceY }, ...(data?.bends ?? []), { x: targetX, y: targetY }];
  return <BaseEdge id={id} path={curve(points, data?.direction ?? "TB")} />;
});

/** From point to point by cubic curves whose ends run along the layout's direction. */
function curve(points: Point[], direction: Direction): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${first.x},${first.y}`;
  let last = first;
  for (const point of rest) {
    const half = direction === "TB" ? (point.y - last.y) / 2 : (point.x - last.x) / 2;
    const [a, b] =
      direction === "TB"
        ? [
            { x: last.x, y: last.y + half },
            { x: point.x, y: point.y - half },
          ]
        : [
            { x: last.x + half, y: last.y },
            { x: point.x - half, y: point.y },
          ];
    path += `C${a.x},${a.y} ${b.x},${b.y} ${point.x},${point.y}`;
    last = point;
  }
  return path;
}
