// The signature document of a model: `signature.json` beside `model.onnx`, since ONNX has no signatures of its own.
// The shape follows TensorFlow Serving's SignatureDef; names of inputs and outputs are those of the ONNX graph.

/** File name of the document in a model's directory. */
export const signatureFile = "signature.json";
/** File name of the graph in a model's directory. */
export const modelFile = "model.onnx";
/** Key under which the same document stands in the graph's metadata_props. */
export const signatureMetadataKey = "capstan.dev/signature";
/** Used when a request names no signature, as in TensorFlow Serving. */
export const defaultSignature = "serving_default";

export const tensorTypes = ["string", "float32", "float64", "int32", "int64", "bool"] as const;
export type TensorType = (typeof tensorTypes)[number];

export interface TensorSignature {
  name: string;
  dtype: TensorType;
  /** -1 where any size goes; the first is the batch. */
  shape: number[];
  /** A missing value may be given: JSON null becomes NaN in a float tensor, "" in a string tensor. */
  nullable?: boolean;
  /** Values of a string column that the model has seen, for forms; others are allowed. */
  values?: string[];
  /** Of a numeric column in the training rows, for forms; others are allowed. */
  range?: { minimum: number; maximum: number };
  /** One valid value. */
  example?: string | number | boolean;
}

export type SignatureMethod = "predict" | "classify" | "regress";

export interface Signature {
  method_name: SignatureMethod;
  inputs: TensorSignature[];
  outputs: TensorSignature[];
  /** Names of the classes, in the order of the probabilities' columns. */
  classLabels?: string[];
}

export interface ModelSignature {
  /** Of this document's format. */
  version: 1;
  signatures: Record<string, Signature>;
}

const tensor = {
  type: "object",
  required: ["name", "dtype", "shape"],
  properties: {
    name: { type: "string", minLength: 1 },
    dtype: { type: "string", enum: [...tensorTypes] },
    shape: { type: "array", items: { type: "integer", minimum: -1 } },
    nullable: { type: "boolean" },
    values: { type: "array", items: { type: "string" } },
    range: {
      type: "object",
      required: ["minimum", "maximum"],
      properties: { minimum: { type: "number" }, maximum: { type: "number" } },
    },
    example: { type: ["string", "number", "boolean"] },
  },
} as const;

/** JSON Schema (2020-12) of ModelSignature. */
export const modelSignatureSchema = {
  type: "object",
  required: ["version", "signatures"],
  properties: {
    version: { const: 1 },
    signatures: {
      type: "object",
      minProperties: 1,
      additionalProperties: {
        type: "object",
        required: ["method_name", "inputs", "outputs"],
        properties: {
          method_name: { type: "string", enum: ["predict", "classify", "regress"] },
          inputs: { type: "array", minItems: 1, items: tensor },
          outputs: { type: "array", minItems: 1, items: tensor },
          classLabels: { type: "array", items: { type: "string" } },
        },
      },
    },
  },
} as const;
