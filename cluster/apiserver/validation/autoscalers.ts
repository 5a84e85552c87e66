// Source: upstream's pkg/apis/autoscaling/validation.
import type {
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricTarget,
} from "@capstan/api/generated/autoscaling-v2";
import { isQuantity, parseQuantity } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { checkOneOf } from "./values.ts";

/** Seconds that a policy and a stabilization window may last. */
const longestPeriod = 1800;
const longestWindow = 3600;

export function checkAutoscaler({ spec }: HorizontalPodAutoscaler, errors: FieldErrors): void {
  if (!spec.scaleTargetRef?.kind) errors.required("spec.scaleTargetRef.kind");
  if (!spec.scaleTargetRef?.name) errors.required("spec.scaleTargetRef.name");
  if (!spec.scaleTargetRef?.apiVersion) {
    errors.invalid("spec.scaleTargetRef.apiVersion", "", "apiVersion must specify API group");
  }
  if ((spec.maxReplicas ?? 0) < 1) errors.invalid("spec.maxReplicas", spec.maxReplicas ?? 0, "must be greater than 0");
  if ((spec.minReplicas ?? 1) > (spec.maxReplicas ?? 0)) {
    errors.invalid("spec.maxReplicas", spec.maxReplicas ?? 0, "must be greater than or equal to `minReplicas`");
  }
  if ((spec.minReplicas ?? 1) < 1)
    errors.invalid("spec.minReplicas", spec.minReplicas, "must be greater than or equal to 1");
  for (const [i, metric] of (spec.metrics ?? []).entries()) checkMetric(metric, `spec.metrics[${i}]`, errors);
  checkRules(spec.behavior?.scaleUp, "spec.behavior.scaleUp", errors);
  checkRules(spec.behavior?.scaleDown, "spec.behavior.scaleDown", errors);
}

const sources = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
} as const;

function checkMetric(metric: MetricSpec, at: string, errors: FieldErrors): void {
  checkOneOf(metric.type, Object.keys(sources), `${at}.type`, errors);
  const wanted = Object.hasOwn(sources, metric.type) ? sources[metric.type as keyof typeof sources] : undefined;
  if (!wanted) {
    // Upstream says so twice.
    if (metric.type) errors.notSupported(`${at}.type`, metric.type, Object.keys(sources));
    return;
  }
  for (const source of Object.values(sources)) {
    if (source !== wanted && metric[source])
      errors.forbidden(`${at}.${source}`, "must populate the given metric source only");
  }
  const source = metric[wanted];
  if (!source) {
    errors.required(`${at}.${wanted}`, "must populate information for the given metric source");
    return;
  }
  checkSource(source, wanted, `${at}.${wanted}`, errors);
  checkTarget(source.target, wanted, `${at}.${wanted}.target`, errors);
}

/** What a source may say, whichever it is. */
interface AnySource {
  name?: string;
  container?: string;
  metric?: { name?: string };
  describedObject?: { kind?: string; name?: string };
}

function checkSource(source: AnySource, wanted: string, at: string, errors: FieldErrors): void {
  if (wanted === "resource" || wanted === "containerResource") {
    if (!source.name) errors.required(`${at}.name`, "must specify a resource name");
    if (wanted === "containerResource" && !source.container) {
      errors.required(`${at}.container`, "must specify a container");
    }
    return;
  }
  if (!source.metric?.name) errors.required(`${at}.metric.name`, "must specify a metric name");
  if (wanted !== "object") return;
  if (!source.describedObject?.kind) errors.required(`${at}.describedObject.kind`);
  if (!source.describedObject?.name) errors.required(`${at}.describedObject.name`);
}

/** Which measures a source may have a target for. */
const measures: Record<string, readonly (keyof MetricTarget)[]> = {
  resource: ["averageUtilization", "averageValue"],
  containerResource: ["averageUtilization", "averageValue"],
  pods: ["averageValue"],
  object: ["value", "averageValue"],
  external: ["value", "averageValue"],
};

function checkTarget(target: MetricTarget | undefined, source: string, at: string, errors: FieldErrors): void {
  if (!target) {
    errors.required(at, "must specify a target");
    return;
  }
  checkOneOf(target.type, ["Utilization", "Value", "AverageValue"], `${at}.type`, errors);
  const allowed = measures[source] ?? [];
  if (!allowed.some((measure) => target[measure] !== undefined)) {
    errors.required(`${at}.${allowed[0]}`, `must set ${allowed.join(" or ")}`);
  }
  if (allowed.every((measure) => target[measure] !== undefined) && allowed.length > 1) {
    errors.forbidden(`${at}.${allowed[1]}`, `may not set both ${allowed.join(" and ")}`);
  }
  if (target.averageUtilization !== undefined && target.averageUtilization < 1)
    errors.invalid(`${at}.averageUtilization`, target.averageUtilization, "must be greater than 0");
  for (const measure of ["value", "averageValue"] as const) {
    const quantity = target[measure];
    if (quantity !== undefined && isQuantity(quantity) && parseQuantity(quantity) <= 0)
      errors.invalid(`${at}.${measure}`, quantity, "must be positive");
  }
}

function checkRules(rules: HPAScalingRules | undefined, at: string, errors: FieldErrors): void {
  if (!rules) return;
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [] } = rules;
  if (seconds !== undefined && seconds < 0)
    errors.invalid(`${at}.stabilizationWindowSeconds`, seconds, "must be greater than or equal to zero");
  if (seconds !== undefined && seconds > longestWindow)
    errors.invalid(`${at}.stabilizationWindowSeconds`, seconds, `must be less than or equal to ${longestWindow}`);
  if (selectPolicy !== undefined) checkOneOf(selectPolicy, ["Max", "Min", "Disabled"], `${at}.selectPolicy`, errors);
  if (policies.length === 0) errors.required(`${at}.policies`, "must specify at least one Policy");
  for (const [i, { type, value, periodSeconds }] of policies.entries()) {
    const policy = `${at}.policies[${i}]`;
    checkOneOf(type, ["Pods", "Percent"], `${policy}.type`, errors);
    if (!(value > 0)) errors.invalid(`${policy}.value`, value ?? 0, "must be greater than zero");
    if (!(periodSeconds > 0))
      errors.invalid(`${policy}.periodSeconds`, periodSeconds ?? 0, "must be greater than zero");
    else if (periodSeconds > longestPeriod)
      errors.invalid(`${policy}.periodSeconds`, periodSeconds, `must be less than or equal to ${longestPeriod}`);
  }
}
