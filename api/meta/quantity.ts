const suffixes: Record<string, number> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/;

/** A quantity as a number of its base unit (cores, bytes, pieces). Throws RangeError when it is not one. */
export function parseQuantity(quantity: string | number): number {
  const text = String(quantity);
  const match = pattern.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a quantity such as 500m, 2 or 64Mi`);
  const [, digits = "", suffix = ""] = match;
  return /^[eE][+-]?\d/.test(suffix) ? Number(text) : Number(digits) * (suffixes[suffix] as number);
}

export function isQuantity(text: string): boolean {
  return pattern.test(text);
}

/** Writes a number of base units the shortest exact way: 0.25 → "250m", 2 ** 26 → "64Mi" when `binary`. */
export function formatQuantity(value: number, binary = false): string {
  if (!Number.isInteger(value)) return `${Math.round(value * 1000)}m`;
  if (!binary || value === 0) return String(value);
  for (const suffix of ["Ei", "Pi", "Ti", "Gi", "Mi", "Ki"]) {
    const unit = suffixes[suffix] as number;
    if (value % unit === 0) return `${value / unit}${suffix}`;
  }
  return String(value);
}
