// Element types of tensors, and their names in ONNX Runtime, TensorFlow Serving and the Open Inference Protocol.
import type { TensorType } from "@capstan/api/kinds/model-signature";

/** Wider than a signature document allows: a model without one may have any of these. */
export type Dtype = TensorType | "int8" | "int16" | "uint8" | "uint16" | "uint32" | "uint64";

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

/** Row-major. A bool is a byte, 0 or 1. */
export interface Tensor {
  dtype: Dtype;
  shape: number[];
  data: TensorData;
}

export interface DtypeInfo {
  /** DataType of tensorflow/core/framework/types.proto. */
  tensorflow: string;
  /** Tensor data type of the Open Inference Protocol. */
  oip: string;
  kind: "float" | "integer" | "bool" | "string";
  /** Range of an integer type, both ends included. */
  least?: bigint;
  most?: bigint;
  allocate(length: number): TensorData;
}

const integer = (
  tensorflow: string,
  oip: string,
  bits: number,
  allocate: (length: number) => TensorData,
): DtypeInfo => {
  const signed = !tensorflow.includes("UINT");
  const span = 1n << BigInt(signed ? bits - 1 : bits);
  return { tensorflow, oip, kind: "integer", least: signed ? -span : 0n, most: span - 1n, allocate };
};

export const dtypes: Record<Dtype, DtypeInfo> = {
  float32: { tensorflow: "DT_FLOAT", oip: "FP32", kind: "float", allocate: (n) => new Float32Array(n) },
  float64: { tensorflow: "DT_DOUBLE", oip: "FP64", kind: "float", allocate: (n) => new Float64Array(n) },
  int8: integer("DT_INT8", "INT8", 8, (n) => new Int8Array(n)),
  int16: integer("DT_INT16", "INT16", 16, (n) => new Int16Array(n)),
  int32: integer("DT_INT32", "INT32", 32, (n) => new Int32Array(n)),
  int64: integer("DT_INT64", "INT64", 64, (n) => new BigInt64Array(n)),
  uint8: integer("DT_UINT8", "UINT8", 8, (n) => new Uint8Array(n)),
  uint16: integer("DT_UINT16", "UINT16", 16, (n) => new Uint16Array(n)),
  uint32: integer("DT_UINT32", "UINT32", 32, (n) => new Uint32Array(n)),
  uint64: integer("DT_UINT64", "UINT64", 64, (n) => new BigUint64Array(n)),
  bool: { tensorflow: "DT_BOOL", oip: "BOOL", kind: "bool", allocate: (n) => new Uint8Array(n) },
  string: { tensorflow: "DT_STRING", oip: "BYTES", kind: "string", allocate: (n) => new Array<string>(n).fill("") },
};

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypes, name);
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
