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

/**
 * The form in which the API stores a quantity: no fraction, the largest suffix of its family that keeps it exact.
 * Finer than nano is rounded up. Source: apimachinery's resource.Quantity.
 */
export function canonicalQuantity(text: string): string {
  const match = pattern.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a quantity such as 500m, 2 or 64Mi`);
  const [, digits = "", suffix = ""] = match;
  if (/^[1-9]\d{0,2}$/.test(digits) && !/^[eE]/.test(suffix)) return digits + suffix;
  const negative = digits.startsWith("-");
  const [whole = "", fraction = ""] = digits.replace(/^[+-]/, "").split(".");
  const binary = suffix.endsWith("i");
  const exponent = /^[eE][+-]?\d/.test(suffix);
  let nanos = BigInt(`${whole}${fraction}` || "0") * (binary ? BigInt(suffixes[suffix] as number) * 10n ** 9n : 1n);
  const power =
    (binary ? 0 : exponent ? Number(suffix.slice(1)) + 9 : (decimalPower[suffix] as number)) - fraction.length;
  if (power > 40) throw new RangeError(`"${text}" is too large a quantity`);
  const scale = 10n ** BigInt(Math.abs(power));
  nanos = power >= 0 ? nanos * scale : (nanos + scale - 1n) / scale;
  if (nanos === 0n) return "0";
  const sign = negative ? "-" : "";
  if (binary && nanos % 10n ** 9n === 0n) return sign + binaryForm(nanos / 10n ** 9n);
  return sign + decimalForm(nanos, exponent);
}

const decimalPower: Record<string, number> = { n: 0, u: 3, m: 6, "": 9, k: 12, M: 15, G: 18, T: 21, P: 24, E: 27 };

function binaryForm(units: bigint): string {
  let steps = 0;
  while (steps < 6 && units % 1024n === 0n) {
    units /= 1024n;
    steps++;
  }
  return `${units}${["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][steps]}`;
}

function decimalForm(nanos: bigint, exponent: boolean): string {
  let steps = 0;
  while (steps < 9 && nanos % 1000n === 0n) {
    nanos /= 1000n;
    steps++;
  }
  if (!exponent) return `${nanos}${["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][steps]}`;
  return steps === 3 ? String(nanos) : `${nanos}e${steps * 3 - 9}`;
}
