// What one metric of an autoscaler proposes. Source: computeReplicasForMetric of pkg/controller/podautoscaler.
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from "@capstan/api/generated/autoscaling-v2";
import { canonicalQuantity, formatQuantity } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { MetricsReader } from "./metrics.ts";
import { milliOf } from "./pod-groups.ts";
import {
  type Count,
  countByAverage,
  countByShare,
  countByUtilization,
  countByValue,
  type Milli,
  type Proposal,
} from "./replica-count.ts";
import { selectorPrint } from "./selector.ts";

export interface MetricProposal {
  replicas: number;
  /** As events name the metric. */
  name: string;
  status: MetricStatus;
}

/** A metric that proposes nothing. */
export class MetricFailure extends Error {
  /** Of the condition and the event. */
  readonly reason: string;
  /** What the condition and the event say; the error's own message says it with what it was for. */
  readonly detail: string;

  constructor(reason: string, detail: string, message: string) {
    super(message);
    this.reason = reason;
    this.detail = detail;
  }
}

export interface Scene extends Count {
  namespace: string;
  /** Of the pods, as a query. */
  selector: string;
  /** Replicas that there are. */
  present: number;
  reader: MetricsReader;
}

/** Throws MetricFailure. */
export async function proposeBy(spec: MetricSpec, scene: Scene): Promise<MetricProposal> {
  switch (spec.type) {
    case "Resource":
    case "ContainerResource":
      return byResource(spec, scene);
    case "Pods":
      return byPods(spec.pods, scene);
    case "Object":
      return byObject(spec.object, scene);
    case "External":
      return byOutside(spec.external, scene);
    default: {
      const message = `unknown metric source type "${spec.type}"`;
      throw new MetricFailure("InvalidMetricSourceType", message, message);
    }
  }
}

const quantity = (milli: Milli) => canonicalQuantity(formatQuantity(milli / 1000));

/** Runs the work; what goes wrong is a failure of this reason, said once as it is and once with its purpose. */
async function failing<T>(reason: string, purpose: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const detail = messageOf(error);
    throw new MetricFailure(reason, detail, `${purpose}: ${detail}`);
  }
}

/** Says what was being done when an error came. */
async function doing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}: ${messageOf(error)}`, { cause: error });
  }
}

async function byResource({ type, resource, containerResource }: MetricSpec, scene: Scene): Promise<MetricProposal> {
  const { name = "", target = { type: "" } } = (type === "Resource" ? resource : containerResource) ?? {};
  const container = type === "Resource" ? "" : (containerResource?.container ?? "");
  const what = type === "Resource" ? "resource" : "container";
  const reason = type === "Resource" ? "FailedGetResourceMetric" : "FailedGetContainerResourceMetric";
  const count = () => countResource(scene, name, container, target);
  const { current, ...rest } = await failing(reason, `failed to get ${name} ${what} metric value`, count);
  const status: MetricStatus =
    type === "Resource"
      ? { type, resource: { name, current } }
      : { type, containerResource: { name, container, current } };
  return { ...rest, status };
}

async function countResource(scene: Scene, resource: string, container: string, target: MetricTarget) {
  const { reader, namespace, selector } = scene;
  const read = () =>
    doing(`unable to get metrics for resource ${resource}`, () =>
      reader.ofResource(resource, namespace, selector, container),
    );
  const { averageValue, averageUtilization } = target;
  if (averageValue !== undefined) {
    const count = async () => countByAverage(scene, await read(), resource, milliOf(averageValue));
    const { replicas, usage } = await doing(`failed to get ${resource} usage`, count);
    const current: MetricValueStatus = { averageValue: quantity(usage) };
    return { replicas, name: `${resource} resource`, current };
  }
  if (averageUtilization === undefined) {
    throw new Error(
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
    );
  }
  const wanted = { resource, container, target: averageUtilization };
  const count = async () => countByUtilization(scene, await read(), wanted);
  const { replicas, usage, utilization } = await doing(`failed to get ${resource} utilization`, count);
  const current: MetricValueStatus = {
    averageValue: quantity(usage),
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
  };
  return { replicas, name: `${resource} resource utilization (percentage of request)`, current };
}

async function byPods(source: MetricSpec["pods"], scene: Scene): Promise<MetricProposal> {
  const { metric = { name: "" }, target } = source ?? {};
  const { reader, namespace, selector } = scene;
  const count = async () => {
    if (target?.averageValue === undefined) throw new Error("invalid pods metric source: no average value was set");
    const read = () => reader.ofPods(metric, namespace, selector);
    const metrics = await doing(`unable to get metric ${metric.name}`, read);
    return countByAverage(scene, metrics, "", milliOf(target.averageValue));
  };
  const { replicas, usage } = await failing("FailedGetPodsMetric", "failed to get pods metric value", count);
  const status = { type: "Pods", pods: { metric, current: { averageValue: quantity(usage) } } };
  return { replicas, name: `pods metric ${metric.name}`, status };
}

async function byObject(source: MetricSpec["object"], scene: Scene): Promise<MetricProposal> {
  const { metric = { name: "" }, describedObject = { kind: "", name: "" }, target } = source ?? {};
  const { reader, namespace } = scene;
  const { kind, name } = describedObject;
  const count = async () => {
    const what = `unable to get metric ${metric.name} on ${kind} ${namespace}/${name}`;
    const value = await doing(what, () => reader.ofObject(metric, namespace, describedObject));
    return countOne(scene, "object", target, value);
  };
  const { replicas, current } = await failing("FailedGetObjectMetric", "failed to get object metric value", count);
  const status = { type: "Object", object: { describedObject, metric, current } };
  const shared = `external metric ${metric.name}(${selectorPrint(metric.selector)})`;
  return { replicas, name: current.averageValue ? shared : `${kind} metric ${metric.name}`, status };
}

async function byOutside(source: MetricSpec["external"], scene: Scene): Promise<MetricProposal> {
  const { metric = { name: "" }, target } = source ?? {};
  const { reader, namespace } = scene;
  const printed = selectorPrint(metric.selector);
  const count = async () => {
    const what = `unable to get external metric ${namespace}/${metric.name}/${printed}`;
    return countOne(scene, "external", target, await doing(what, () => reader.ofOutside(metric, namespace)));
  };
  const purpose = `failed to get ${metric.name} external metric value`;
  const { replicas, current } = await failing("FailedGetExternalMetric", purpose, count);
  const status = { type: "External", external: { metric, current } };
  return { replicas, name: `external metric ${metric.name}(${printed})`, status };
}

/** One value for all pods: either it or each pod's share of it has a target. */
function countOne(scene: Scene, source: string, target: MetricTarget | undefined, value: Milli) {
  const answer = ({ replicas, usage }: Proposal, field: "value" | "averageValue") => {
    const current: MetricValueStatus = { [field]: quantity(usage) };
    return { replicas, current };
  };
  if (target?.averageValue !== undefined) {
    return answer(countByShare(scene.tolerance, scene.present, value, milliOf(target.averageValue)), "averageValue");
  }
  if (target?.value !== undefined) return answer(countByValue(scene, value, milliOf(target.value)), "value");
  throw new Error(`invalid ${source} metric source: neither a value target nor an average value target was set`);
}
