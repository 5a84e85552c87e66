// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5) for smooth convex functions.

export interface Minimum {
  at: Float64Array;
  value: number;
  iterations: number;
  /** The gradient came below the tolerance. */
  converged: boolean;
}

export interface MinimizeOptions {
  iterations: number;
  /** Of the gradient's largest part. */
  tolerance: number;
  onIteration?(iteration: number, value: number): Promise<void> | void;
}

/** Value at a point; writes the gradient. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

const memory = 10;
/** Share of the slope that a step must keep (Armijo). */
const armijo = 1e-4;

export async function minimize(f: Objective, start: Float64Array, options: MinimizeOptions): Promise<Minimum> {
  let at: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(at.length);
  let value = f(at, gradient);
  const pairs: Pair[] = [];
  for (let iteration = 0; iteration < options.iterations; iteration++) {
    if (largest(gradient) <= options.tolerance) return { at, value, iterations: iteration, converged: true };
    const direction = descend(gradient, pairs);
    const step = search(f, at, value, gradient, direction, pairs.length === 0 ? 1 / norm(gradient) : 1);
    // No step goes down any more: the rounding of the function hides what is left.
    if (!step) return { at, value, iterations: iteration, converged: true };
    remember(pairs, minus(step.at, at), minus(step.gradient, gradient));
    ({ at, value, gradient } = step);
    await options.onIteration?.(iteration + 1, value);
  }
  return { at, value, iterations: options.iterations, converged: largest(gradient) <= options.tolerance };
}

interface Pair {
  move: Float64Array;
  change: Float64Array;
  /** 1 / (move · change). */
  rho: number;
}

function remember(pairs: Pair[], move: Float64Array, change: Float64Array): void {
  const curvature = dot(move, change);
  if (curvature <= 1e-12 * dot(change, change)) return;
  pairs.push({ move, change, rho: 1 / curvature });
  if (pairs.length > memory) pairs.shift();
}

/** The two-loop recursion: the direction −H·gradient. */
function descend(gradient: Float64Array, pairs: Pair[]): Float64Array {
  const direction = gradient.map((part) => -part);
  const alphas: number[] = [];
  for (const { move, change, rho } of pairs.toReversed()) {
    const alpha = rho * dot(move, direction);
    alphas.unshift(alpha);
    addTo(direction, change, -alpha);
  }
  const last = pairs.at(-1);
  if (last) scaleBy(direction, 1 / (last.rho * dot(last.change, last.change)));
  pairs.forEach(({ move, change, rho }, i) => {
    addTo(direction, move, (alphas[i] as number) - rho * dot(change, direction));
  });
  return direction;
}

function search(
  f: Objective,
  at: Float64Array,
  value: number,
  gradient: Float64Array,
  direction: Float64Array,
  first: number,
): { at: Float64Array; value: number; gradient: Float64Array } | undefined {
  const slope = dot(gradient, direction);
  if (!(slope < 0)) return undefined;
  for (let length = first; length > 1e-12; length /= 2) {
    const next = at.slice();
    addTo(next, direction, length);
    const there = new Float64Array(at.length);
    const found = f(next, there);
    if (found <= value + armijo * length * slope) return { at: next, value: found, gradient: there };
  }
  return undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
const norm = (a: Float64Array) => Math.sqrt(dot(a, a));
const largest = (a: Float64Array) => a.reduce((most, part) => Math.max(most, Math.abs(part)), 0);
const minus = (a: Float64Array, b: Float64Array) => a.map((part, i) => part - (b[i] as number));
function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) + factor * (b[i] as number);
}
function scaleBy(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) * factor;
}
