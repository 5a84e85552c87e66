// Models as ONNX, written by hand: a protocol buffer of at most a few thousand fields needs no library.
export { exportOnnx } from "./export.ts";
export { type Attribute, encodeModel, type Graph, type Node, type Tensor, type ValueInfo } from "./model-proto.ts";
