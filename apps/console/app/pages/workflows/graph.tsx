import { CompressOutlined, MinusOutlined, PlusOutlined } from "@ant-design/icons";
import { MiniMap, Panel, ReactFlow, ReactFlowProvider, useReactFlow, useStore } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "./graph.css";
import { Button } from "antd";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { usePreferences } from "../../theme/preferences.tsx";
import { RoutedEdge, type RoutedFlowEdge } from "./graph-edge.tsx";
import { type Direction, dotSize, edgeId, type Placed, place, stepSize } from "./graph-layout.ts";
import type { Graph } from "./graph-model.ts";
import { type DotFlowNode, DotNode, type StepFlowNode, StepNode } from "./graph-node.tsx";

type FlowNode = StepFlowNode | DotFlowNode;

const nodeTypes = { step: StepNode, dot: DotNode };
const edgeTypes = { routed: RoutedEdge };
const fit = { padding: 0.12, maxZoom: 1.1, duration: 180 };
/** A map helps once a graph does not fit on the screen at a readable size. */
const mapFrom = 40;

export interface GraphViewProps {
  graph: Graph;
  selected?: string | undefined;
  onSelect?: (id: string | undefined) => void;
}

export function GraphView(props: GraphViewProps) {
  return (
    <ReactFlowProvider>
      <Flow {...props} />
    </ReactFlowProvider>
  );
}

function Flow({ graph, selected, onSelect }: GraphViewProps) {
  const { t } = useTranslation();
  const { isDark } = usePreferences();
  const { fitView } = useReactFlow();
  const placed = usePlaced(graph);
  const flow = useMemo(() => toFlow(graph, placed, selected), [graph, placed, selected]);

  // A changed shape is shown whole again; changed states alone leave the view where the user put it.
  useEffect(() => {
    const frame = requestAnimationFrame(() => void fitView(fit));
    return () => cancelAnimationFrame(frame);
  }, [placed, fitView]);

  return (
    <ReactFlow<FlowNode, RoutedFlowEdge>
      className="graph"
      nodes={flow.nodes}
      edges={flow.edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      colorMode={isDark ? "dark" : "light"}
      fitView
      fitViewOptions={fit}
      minZoom={0.05}
      maxZoom={2}
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      deleteKeyCode={null}
      onlyRenderVisibleElements={graph.nodes.length > 200}
      proOptions={{ hideAttribution: true }}
      onNodesChange={(changes) => {
        // Clicks and the keyboard alike.
        for (const change of changes) if (change.type === "select" && change.selected) onSelect?.(change.id);
      }}
      onPaneClick={() => onSelect?.(undefined)}
    >
      <Zoom />
      {graph.nodes.length > mapFrom && <MiniMap pannable zoomable ariaLabel={t("workflows.graph")} />}
    </ReactFlow>
  );
}

function Zoom() {
  const { t } = useTranslation();
  const { zoomIn, zoomOut, fitView } = useReactFlow();
  return (
    <Panel position="bottom-left" className="graph-zoom">
      <Button
        size="small"
        icon={<MinusOutlined />}
        aria-label={t("workflows.zoomOut")}
        onClick={() => void zoomOut()}
      />
      <Button size="small" icon={<PlusOutlined />} aria-label={t("workflows.zoomIn")} onClick={() => void zoomIn()} />
      <Button
        size="small"
        icon={<CompressOutlined />}
        aria-label={t("workflows.fit")}
        onClick={() => void fitView(fit)}
      />
    </Panel>
  );
}

/** Placed again only when nodes or edges come or go; in the direction that leaves it largest on this screen. */
function usePlaced(graph: Graph): Placed & { direction: Direction } {
  const width = useStore((store) => store.width);
  const height = useStore((store) => store.height);
  const wide = width > 0 && height > 0 ? width / height : 1;
  const shape = JSON.stringify([graph.nodes.map((node) => node.id), graph.edges]);
  const latest = useRef(graph);
  latest.current = graph;
  return useMemo(() => {
    const down = { ...place(latest.current, "TB"), direction: "TB" as const };
    if (latest.current.nodes.length > mapFrom) return down;
    const right = { ...place(latest.current, "LR"), direction: "LR" as const };
    const scale = ({ width: w, height: h }: Placed) => Math.min(wide / Math.max(w, 1), 1 / Math.max(h, 1));
    return scale(right) > scale(down) ? right : down;
  }, [shape, wide > 1.4]);
}

function toFlow(graph: Graph, placed: Placed & { direction: Direction }, selected: string | undefined) {
  const { direction } = placed;
  const nodes = graph.nodes.map((node): FlowNode => {
    const position = placed.positions.get(node.id) ?? { x: 0, y: 0 };
    if (node.kind === "dot") {
      return {
        id: node.id,
        type: "dot",
        position,
        data: { direction },
        ...dotSize,
        selectable: false,
        focusable: false,
      };
    }
    return {
      id: node.id,
      type: "step",
      position,
      data: { node, direction },
      ...stepSize,
      selected: node.id === selected,
      ariaLabel: `${node.label}, ${node.phase}`,
    };
  });
  const phases = new Map(graph.nodes.map((node) => [node.id, node.phase]));
  const edges = graph.edges.map(([source, target]): RoutedFlowEdge => {
    const id = edgeId(source, target);
    const className = `edge edge-${(phases.get(target) ?? "").toLowerCase()}`;
    return { id, source, target, type: "routed", className, data: { bends: placed.bends.get(id) ?? [], direction } };
  });
  return { nodes, edges };
}
