import type { Ensemble, Tree } from "@capstan/components/engine";
import type { GraphBuilder } from "./builder.ts";
import { cast } from "./preprocessing.ts";

/**
 * Writes the trees as a TreeEnsembleRegressor: [N, outputs] raw scores. The probabilities are made from them by plain
 * operators, since the classifier operator has rules of its own for two classes. The features go in as doubles: the
 * runtime then sums in double, and a float32 compares with a float32 threshold as before.
 */
export function writeEnsemble(graph: GraphBuilder, { outputs, base, trees }: Ensemble, features: string): string {
  const columns = nodeColumns(trees, outputs);
  return graph.node("TreeEnsembleRegressor", [cast(graph, features, "double")], {
    domain: "ai.onnx.ml",
    attributes: {
      n_targets: { int: outputs },
      base_values: { floats: base },
      aggregate_function: { string: "SUM" },
      post_transform: { string: "NONE" },
      nodes_treeids: { ints: columns.tree },
      nodes_nodeids: { ints: columns.node },
      nodes_featureids: { ints: columns.feature },
      nodes_modes: { strings: columns.mode },
      nodes_values: { floats: columns.threshold },
      nodes_truenodeids: { ints: columns.left },
      nodes_falsenodeids: { ints: columns.right },
      nodes_missing_value_tracks_true: { ints: columns.missingLeft },
      target_treeids: { ints: columns.leafTree },
      target_nodeids: { ints: columns.leafNode },
      target_ids: { ints: columns.leafTarget },
      target_weights: { floats: columns.leafValue },
    },
  });
}

function nodeColumns(trees: Tree[], outputs: number) {
  const columns = {
    tree: [] as number[],
    node: [] as number[],
    feature: [] as number[],
    mode: [] as string[],
    threshold: [] as number[],
    left: [] as number[],
    right: [] as number[],
    missingLeft: [] as number[],
    leafTree: [] as number[],
    leafNode: [] as number[],
    leafTarget: [] as number[],
    leafValue: [] as number[],
  };
  trees.forEach((tree, t) => {
    tree.left.forEach((left, node) => {
      columns.tree.push(t);
      columns.node.push(node);
      columns.feature.push(tree.feature[node] ?? 0);
      columns.mode.push(left === 0 ? "LEAF" : "BRANCH_LEQ");
      columns.threshold.push(tree.threshold[node] ?? 0);
      columns.left.push(left);
      columns.right.push(tree.right[node] ?? 0);
      columns.missingLeft.push(tree.missingLeft[node] ?? 0);
      if (left !== 0) return;
      columns.leafTree.push(t);
      columns.leafNode.push(node);
      columns.leafTarget.push(t % outputs);
      columns.leafValue.push(tree.value[node] ?? 0);
    });
  });
  return columns;
}
