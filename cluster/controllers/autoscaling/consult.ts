// What all metrics of an autoscaler propose together. Source: computeReplicasForMetrics of pkg/controller/podautoscaler.
import type { HorizontalPodAutoscaler, MetricStatus } from "@capstan/api/generated/autoscaling-v2";
import type { Pod } from "@capstan/api/generated/core-v1";
import { keyOf, matches, parseKey, parseLabelSelector, parseQuantity } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { MetricFailure, proposeBy, type Scene } from "./proposal.ts";
import { type Shop, say } from "./shop.ts";
import type { Target } from "./target.ts";

export interface Consultation {
  /** The largest that a metric proposes; undefined when that cannot be told. */
  replicas: number | undefined;
  /** The metric that proposes it. */
  name: string;
  /** In the order of the spec; a metric that failed has an empty type. */
  metrics: MetricStatus[];
}

/** How far usage may be from its target without a change. Source: the flag horizontal-pod-autoscaler-tolerance. */
const tolerance = 0.1;

/** Says on the autoscaler whether its metrics could be read. */
export async function consultMetrics(
  shop: Shop,
  autoscaler: HorizontalPodAutoscaler,
  target: Target,
): Promise<Consultation> {
  const { recorder } = shop.workshop;
  const specs = autoscaler.spec.metrics ?? [];
  const metrics = specs.map((): MetricStatus => ({ type: "" }));
  const fail = (message: string): Consultation => {
    recorder.warning(autoscaler, "FailedComputeMetricsReplicas", message);
    return { replicas: undefined, name: "", metrics };
  };
  const pods = podsOf(shop, autoscaler, target.selector);
  if ("refused" in pods) return fail(pods.refused);
  const scene = sceneOf(shop, autoscaler, target, pods.selected);
  let best: { replicas: number; name: string } | undefined;
  const failures: MetricFailure[] = [];
  for (const [i, spec] of specs.entries()) {
    try {
      const { replicas, name, status } = await proposeBy(spec, scene);
      metrics[i] = status;
      if (!best || replicas > best.replicas) best = { replicas, name };
    } catch (error) {
      if (!(error instanceof MetricFailure)) throw error;
      recorder.warning(autoscaler, error.reason, error.detail);
      failures.push(error);
    }
  }
  const [first] = failures;
  if (!best || (first && best.replicas < target.current)) {
    if (!first) return { replicas: target.current, name: "", metrics };
    const message = `the HPA was unable to compute the replica count: ${first.detail}`;
    say(shop, autoscaler, "ScalingActive", false, { reason: first.reason, message });
    const counts = `${failures.length} invalid out of ${specs.length}`;
    return fail(`invalid metrics (${counts}), first error is: ${first.message}`);
  }
  const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
  say(shop, autoscaler, "ScalingActive", true, { reason: "ValidMetricFound", message });
  return { ...best, metrics };
}

function sceneOf(shop: Shop, autoscaler: HorizontalPodAutoscaler, target: Target, pods: Pod[]): Scene {
  const { behavior } = autoscaler.spec;
  const share = (given: string | undefined) => (given === undefined ? tolerance : parseQuantity(given));
  return {
    pods,
    current: target.current,
    present: target.present,
    selector: target.selector,
    namespace: autoscaler.metadata.namespace ?? "",
    reader: shop.reader,
    tolerance: { up: share(behavior?.scaleUp?.tolerance), down: share(behavior?.scaleDown?.tolerance) },
    settling: {
      now: shop.workshop.now(),
      cpuInitialization: shop.cpuInitialization,
      readinessDelay: shop.readinessDelay,
    },
  };
}

/** The target's pods, unless the target does not say which, or another autoscaler has them too: that is said. */
function podsOf(
  shop: Shop,
  autoscaler: HorizontalPodAutoscaler,
  selector: string,
): { selected: Pod[] } | { refused: string } {
  const { namespace = "" } = autoscaler.metadata;
  const refuse = (event: string, reason: string, refused: string, message = refused) => {
    shop.workshop.recorder.warning(autoscaler, event, refused);
    say(shop, autoscaler, "ScalingActive", false, { reason, message });
    return { refused };
  };
  if (selector === "") {
    const message = "the HPA target's scale is missing a selector";
    return refuse("SelectorRequired", "InvalidSelector", "selector is required", message);
  }
  let selected: Pod[];
  try {
    const wanted = parseLabelSelector(selector);
    selected = shop.pods.list(namespace).filter(({ metadata }) => matches(wanted, metadata.labels));
  } catch (error) {
    const text = `couldn't convert selector into a corresponding internal selector object: ${messageOf(error)}`;
    return refuse("InvalidSelector", "InvalidSelector", text);
  }
  const key = keyOf(autoscaler.metadata);
  shop.selectors.set(key, selector);
  const rivals = [...shop.selectors].filter(([other, text]) => {
    if (other === key || parseKey(other).namespace !== namespace) return false;
    const theirs = parseLabelSelector(text);
    return selected.some(({ metadata }) => matches(theirs, metadata.labels));
  });
  if (rivals.length === 0) return { selected };
  const names = [key, ...rivals.map(([other]) => other)].sort().join(" ");
  const text = `pods by selector ${selector} are controlled by multiple HPAs: [${names}]`;
  return refuse("AmbiguousSelector", "AmbiguousSelector", text);
}
