// Tensors as JSON text: floats print the shortest digits that read back to the same value, with `.0` when integral.
import type { Tensor } from "./dtype.ts";

export function formatFloat64(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return Number.isInteger(value) && !text.includes("e") ? `${text}.0` : text;
}

/** @param value one that a float32 can hold. */
export function formatFloat32(value: number): string {
  if (!Number.isFinite(value) || value === 0) return formatFloat64(value);
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e9) {
    // Six digits may do, nine always do. 10^k stays exact, so that the division rounds once.
    const magnitude = Math.floor(Math.log10(size));
    for (let digits = 6; digits <= 9; digits++) {
      const places = digits - 1 - magnitude;
      const candidate = places >= 0 ? Math.round(size * 10 ** places) / 10 ** places : Math.round(size);
      if (Math.fround(candidate) === size) return formatFloat64(value < 0 ? -candidate : candidate);
    }
  }
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return formatFloat64(candidate);
  }
  return formatFloat64(Number(value.toPrecision(9)));
}

/** Element number `i` as JSON text. */
export function writeElement({ dtype, data }: Tensor, i: number, base64 = false): string {
  const value = data[i];
  if (dtype === "float32") return formatFloat32(value as number);
  if (dtype === "float64") return formatFloat64(value as number);
  if (dtype === "bool") return value ? "true" : "false";
  if (dtype !== "string") return String(value);
  if (base64) return `{"b64": "${Buffer.from(value as string, "utf8").toString("base64")}"}`;
  return JSON.stringify(value);
}

/** A tensor as nested lists. */
export function writeTensor(tensor: Tensor, base64 = false): string {
  return writeNested(tensor, tensor.shape, 0, base64);
}

/** Row `row` of a tensor whose first dimension is the batch. */
export function writeRow(tensor: Tensor, row: number, base64 = false): string {
  const inner = tensor.shape.slice(1);
  const size = inner.reduce((product, dimension) => product * dimension, 1);
  return writeNested(tensor, inner, row * size, base64);
}

/** All elements in one flat list, as the Open Inference Protocol has them. */
export function writeFlat(tensor: Tensor): string {
  return writeNested(tensor, [tensor.data.length], 0, false);
}

function writeNested(tensor: Tensor, shape: readonly number[], from: number, base64: boolean): string {
  if (shape.length === 0) return writeElement(tensor, from, base64);
  const [length = 0, ...inner] = shape;
  const size = inner.reduce((product, dimension) => product * dimension, 1);
  const parts = new Array<string>(length);
  for (let i = 0; i < length; i++) {
    parts[i] =
      inner.length === 0 ? writeElement(tensor, from + i, base64) : writeNested(tensor, inner, from + i * size, base64);
  }
  return `[${parts.join(", ")}]`;
}
