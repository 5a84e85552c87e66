// ONNX messages (github.com/onnx/onnx, onnx.proto3; the field numbers are its own).
import { encode, type ProtoWriter } from "./protobuf.ts";

export const elementTypes = { float: 1, int32: 6, int64: 7, string: 8, bool: 9, double: 11 } as const;
export type ElementType = keyof typeof elementTypes;

export interface ValueInfo {
  name: string;
  type: ElementType;
  /** A string names a dimension of any size. */
  shape: (number | string)[];
}

export type Attribute =
  | { int: number }
  | { float: number }
  | { string: string }
  | { ints: readonly number[] }
  | { floats: readonly number[] }
  | { strings: readonly string[] };

export interface Node {
  op: string;
  /** Absent: the standard operators. */
  domain?: "ai.onnx.ml";
  inputs: string[];
  outputs: string[];
  attributes?: Record<string, Attribute>;
}

/** A constant. */
export interface Tensor {
  name: string;
  shape: number[];
  data: TensorData;
}

export type TensorData =
  | { floats: readonly number[] }
  | { doubles: readonly number[] }
  | { ints: readonly number[] }
  | { strings: readonly string[] };

export interface Graph {
  name: string;
  nodes: Node[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  constants: Tensor[];
}

export interface ModelOptions {
  /** Free text by key: metadata_props. */
  metadata: Record<string, string>;
  docs: string;
}

/** Opset 19 has Equal on strings; IR 9 is its time's. */
const irVersion = 9;
const standardOpset = 19;
const mlOpset = 3;

export function encodeModel(graph: Graph, { metadata, docs }: ModelOptions): Uint8Array {
  return encode((model) => {
    model.int(1, irVersion);
    model.string(2, "capstan");
    model.string(6, docs);
    model.message(7, (inner) => writeGraph(inner, graph));
    writeOpset(model, "", standardOpset);
    writeOpset(model, "ai.onnx.ml", mlOpset);
    for (const [key, value] of Object.entries(metadata)) {
      model.message(14, (entry) => {
        entry.string(1, key);
        entry.string(2, value);
      });
    }
  });
}

function writeOpset(model: ProtoWriter, domain: string, version: number): void {
  model.message(8, (inner) => {
    inner.string(1, domain);
    inner.int(2, version);
  });
}

function writeGraph(out: ProtoWriter, graph: Graph): void {
  for (const node of graph.nodes) out.message(1, (inner) => writeNode(inner, node));
  out.string(2, graph.name);
  for (const tensor of graph.constants) out.message(5, (inner) => writeTensor(inner, tensor));
  for (const value of graph.inputs) out.message(11, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) out.message(12, (inner) => writeValue(inner, value));
}

function writeNode(out: ProtoWriter, node: Node): void {
  for (const name of node.inputs) out.string(1, name);
  for (const name of node.outputs) out.string(2, name);
  out.string(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
    out.message(5, (inner) => writeAttribute(inner, name, attribute));
  }
  out.string(7, node.domain);
}

function writeAttribute(out: ProtoWriter, name: string, value: Attribute): void {
  out.string(1, name);
  if ("float" in value) {
    out.float(2, value.float);
    out.int(20, 1);
  } else if ("int" in value) {
    out.int(3, value.int);
    out.int(20, 2);
  } else if ("string" in value) {
    out.string(4, value.string);
    out.int(20, 3);
  } else if ("floats" in value) {
    out.floats(7, value.floats);
    out.int(20, 6);
  } else if ("ints" in value) {
    out.ints(8, value.ints);
    out.int(20, 7);
  } else {
    for (const item of value.strings) out.string(9, item);
    out.int(20, 8);
  }
}

function writeTensor(out: ProtoWriter, { name, shape, data }: Tensor): void {
  out.ints(1, shape);
  if ("floats" in data) {
    out.int(2, elementTypes.float);
    out.floats(4, data.floats);
  } else if ("doubles" in data) {
    out.int(2, elementTypes.double);
    out.doubles(10, data.doubles);
  } else if ("ints" in data) {
    out.int(2, elementTypes.int64);
    out.ints(7, data.ints);
  } else {
    out.int(2, elementTypes.string);
    for (const item of data.strings) out.string(6, item);
  }
  out.string(8, name);
}

function writeValue(out: ProtoWriter, { name, type, shape }: ValueInfo): void {
  out.string(1, name);
  out.message(2, (value) => {
    value.message(1, (tensor) => {
      tensor.int(1, elementTypes[type]);
      tensor.message(2, (dimensions) => {
        for (const size of shape) {
          dimensions.message(1, (dimension) => {
            if (typeof size === "number") dimension.int(1, size);
            else dimension.string(2, size);
          });
        }
      });
    });
  });
}
