import type { Attribute, Graph, Node, Tensor, ValueInfo } from "./model-proto.ts";

export interface NodeOptions {
  attributes?: Record<string, Attribute>;
  domain?: "ai.onnx.ml";
  /** Name of the result; absent: a fresh one. */
  as?: string;
}

/** Collects a graph node by node; each call answers the name of its result. */
export interface GraphBuilder {
  input(info: ValueInfo): string;
  output(info: ValueInfo): void;
  constant(shape: number[], data: Tensor["data"]): string;
  node(op: string, inputs: string[], options?: NodeOptions): string;
  build(name: string): Graph;
}

/** Fresh names start with `reserved`, which no column's name may. */
export const reserved = "capstan/";

export function createBuilder(): GraphBuilder {
  const nodes: Node[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const constants: Tensor[] = [];
  let count = 0;
  return {
    input(info) {
      if (info.name.startsWith(reserved))
        throw new Error(`column ${info.name}: names that start with ${reserved} are reserved`);
      inputs.push(info);
      return info.name;
    },
    output(info) {
      outputs.push(info);
    },
    constant(shape, data) {
      const name = `${reserved}c${count++}`;
      constants.push({ name, shape, data });
      return name;
    },
    node(op, from, { attributes, domain, as } = {}) {
      const result = as ?? `${reserved}${op}${count++}`;
      nodes.push({ op, domain, inputs: from, outputs: [result], attributes });
      return result;
    },
    build: (name) => ({ name, nodes, inputs, outputs, constants }),
  };
}
