// What an InferenceService asks for and this operator does not do: refused by path, never ignored.
import type { InferenceService, PredictorSpec } from "@capstan/api/kinds/serving";

/** Services and host names are DNS labels: 63 characters less what is appended. */
const longestName = 53;
const longestLabel = 63;

/** The first problem of a spec, or undefined. */
export function specProblem({ spec, metadata }: InferenceService): string | undefined {
  const { name, namespace = "" } = metadata;
  if (name.length > longestName) return `metadata.name: at most ${longestName} characters`;
  if (name.includes(".")) return "metadata.name: a service's name becomes a host name's label, so it cannot have dots";
  if (`${name}-${namespace}`.length > longestLabel) {
    return `metadata.name: together with its namespace at most ${longestLabel - 1} characters`;
  }
  for (const field of ["transformer", "explainer"] as const) {
    if (spec[field]) return `spec.${field}: is not supported`;
  }
  const own = predictorProblem(spec.predictor, "spec.predictor");
  if (own) return own;
  const names = new Set<string>();
  let percent = 0;
  for (const [i, canary] of (spec.canary ?? []).entries()) {
    const at = `spec.canary[${i}]`;
    const problem = predictorProblem(canary.predictor, `${at}.predictor`);
    if (problem) return problem;
    const label = canary.predictor.name;
    if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label)) return `${at}.predictor.name: expected a DNS label`;
    if (names.has(label)) return `${at}.predictor.name: "${label}" stands twice`;
    if (`${name}-${label}-canary`.length > longestLabel)
      return `${at}.predictor.name: too long together with metadata.name`;
    names.add(label);
    percent += canary.trafficPercent;
  }
  return percent > 100 ? `spec.canary: trafficPercent sums to ${percent}, at most 100` : undefined;
}

function predictorProblem(spec: PredictorSpec, at: string): string | undefined {
  for (const field of ["logger", "batcher", "containerConcurrency"] as const) {
    if (spec[field] !== undefined) return `${at}.${field}: is not supported`;
  }
  if (spec.canaryTrafficPercent !== undefined) {
    return `${at}.canaryTrafficPercent: revisions are not kept here; use spec.canary[] with a predictor of its own`;
  }
  if (spec.model && (spec.containers ?? []).length > 0) return `${at}: give either model or containers`;
  if (!spec.model && (spec.containers ?? []).length === 0) return `${at}: a model or containers are needed`;
  if (spec.minReplicas === 0) return `${at}.minReplicas: scaling to zero is not supported, give at least 1`;
  if (spec.maxReplicas && spec.maxReplicas < (spec.minReplicas ?? 1)) return `${at}.maxReplicas: less than minReplicas`;
  if (spec.scaleMetric === "concurrency" || spec.scaleMetric === "rps") {
    return `${at}.scaleMetric: "${spec.scaleMetric}" is not supported, use cpu or memory`;
  }
  return undefined;
}
