// JSON lists into tensors: shape from the nesting, elements checked against the type that the signature names.
import { type Dtype, type DtypeInfo, dtypes, elementsOf, type Tensor, type TensorData } from "./dtype.ts";
import { Decimal, type Json } from "./json-reader.ts";

/** The value does not fit; the message starts with its path. */
export class TensorError extends Error {
  override readonly name = "TensorError";
}

export interface Wanted {
  dtype: Dtype;
  /** -1 where any size goes. */
  shape: readonly number[];
  nullable?: boolean;
}

/** Where an element stands in the request, from its indices in the list. */
export type Locate = (indices: readonly number[]) => string;

/**
 * Trailing dimensions of size 1 may be left out or added, so that a column `[-1,1]` takes a plain list.
 * Throws TensorError.
 */
export function readTensor(value: Json, wanted: Wanted, locate: Locate): Tensor {
  const shape = shapeOf(value);
  if (shape.length > 0) checkShape(value, shape, locate, []);
  const data = dtypes[wanted.dtype].allocate(elementsOf(shape));
  fill({ data, wanted, info: dtypes[wanted.dtype], locate, shape, at: 0 }, value, []);
  return { dtype: wanted.dtype, shape: fitShape(shape, wanted.shape, locate), data };
}

/** Elements already in one list (Open Inference Protocol); nested lists are taken too. */
export function readFlat(value: Json, shape: number[], wanted: Wanted, locate: Locate): Tensor {
  if (!Array.isArray(value)) throw new TensorError(`${locate([])}: expected a list`);
  const tensor = readTensor(value, { ...wanted, shape: shapeOf(value).map(() => -1) }, locate);
  const expected = elementsOf(shape);
  if (tensor.data.length !== expected) {
    throw new TensorError(
      `${locate([])}: ${tensor.data.length} elements, but shape [${shape.join(",")}] has ${expected}`,
    );
  }
  return { ...tensor, shape: fitShape(shape, wanted.shape, locate) };
}

function shapeOf(value: Json): number[] {
  const shape: number[] = [];
  let level = value;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0] ?? null;
  }
  return shape;
}

function fitShape(shape: number[], wanted: readonly number[], locate: Locate): number[] {
  const fitted = [...shape];
  while (fitted.length < wanted.length && Math.abs(wanted[fitted.length] as number) === 1) fitted.push(1);
  while (fitted.length > wanted.length && fitted.at(-1) === 1) fitted.pop();
  const fits = fitted.length === wanted.length && wanted.every((size, i) => size === -1 || size === fitted[i]);
  if (!fits) throw new TensorError(`${locate([])}: the shape is [${shape.join(",")}], expected [${wanted.join(",")}]`);
  return fitted;
}

interface Filling {
  data: TensorData;
  wanted: Wanted;
  info: DtypeInfo;
  locate: Locate;
  shape: number[];
  at: number;
}

/** Every list is as long as its first sibling; checked before memory is taken for the product of the lengths. */
function checkShape(value: Json, shape: readonly number[], locate: Locate, indices: number[]): void {
  const length = shape[indices.length];
  if (!Array.isArray(value)) {
    throw new TensorError(`${locate(indices)}: expected a list of ${length}, as the ones before`);
  }
  if (value.length !== length) {
    throw new TensorError(`${locate(indices)}: ${value.length} items where the ones before have ${length}`);
  }
  if (indices.length + 1 === shape.length) return;
  for (let i = 0; i < value.length; i++) {
    indices.push(i);
    checkShape(value[i] as Json, shape, locate, indices);
    indices.pop();
  }
}

function fill(state: Filling, value: Json, indices: number[]): void {
  if (indices.length === state.shape.length) {
    state.data[state.at++] = element(state, value, indices) as never;
    return;
  }
  const items = value as Json[];
  for (let i = 0; i < items.length; i++) {
    indices.push(i);
    fill(state, items[i] as Json, indices);
    indices.pop();
  }
}

function element(state: Filling, value: Json, indices: number[]): number | bigint | string {
  const { info, wanted } = state;
  if (value === null && wanted.nullable) {
    if (info.kind === "float") return Number.NaN;
    if (info.kind === "string") return "";
  }
  const read = readers[info.kind](value, info, wanted.dtype);
  if (read !== undefined) return read;
  const or = wanted.nullable ? " or null" : "";
  throw new TensorError(`${state.locate(indices)}: expected ${wanted.dtype}${or}, got ${show(value)}`);
}

const readers: Record<
  DtypeInfo["kind"],
  (value: Json, info: DtypeInfo, dtype: Dtype) => number | bigint | string | undefined
> = {
  float: (value) => {
    if (typeof value === "number") return value;
    if (value instanceof Decimal) return value.value;
    return typeof value === "bigint" ? Number(value) : undefined;
  },
  integer: (value, { least = 0n, most = 0n }, dtype) => {
    if (typeof value !== "bigint" && !Number.isInteger(value)) return undefined;
    const wide = dtype === "int64" || dtype === "uint64";
    const number = value as number | bigint;
    if (number < least || number > most) return undefined;
    return wide ? BigInt(number) : Number(number);
  },
  bool: (value) => (typeof value === "boolean" ? Number(value) : undefined),
  string: (value) => {
    if (typeof value === "string") return value;
    const encoded = value instanceof Map && value.size === 1 ? value.get("b64") : undefined;
    return typeof encoded === "string" ? decodeBase64(encoded) : undefined;
  },
};

const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Bytes that are not UTF-8 cannot be carried: the runtime's strings are text. */
function decodeBase64(encoded: string): string | undefined {
  if (!base64.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  const text = bytes.toString("utf8");
  return Buffer.compare(Buffer.from(text, "utf8"), bytes) === 0 ? text : undefined;
}

function show(value: Json): string {
  if (value instanceof Decimal) return `${value.value}.0`;
  if (value instanceof Map) return "an object";
  if (Array.isArray(value)) return "a list";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
