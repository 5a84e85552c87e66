// How fast and how far a proposal may be followed. Source: pkg/controller/podautoscaler/horizontal.go.
import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from "@capstan/api/generated/autoscaling-v2";

export interface Recommendation {
  /** Milliseconds since 1970. */
  at: number;
  replicas: number;
}
/** A change of size that was made: how many more or fewer. */
export interface ScaleEvent {
  at: number;
  change: number;
}
/** What is remembered of one autoscaler. */
export interface History {
  recommendations: Recommendation[];
  ups: ScaleEvent[];
  downs: ScaleEvent[];
}

export interface Question {
  current: number;
  proposed: number;
  min: number;
  max: number;
  behavior?: HorizontalPodAutoscalerBehavior | undefined;
  now: number;
}
interface Because {
  reason: string;
  message: string;
}
export interface Decision {
  replicas: number;
  /** Why the target may be scaled now, or what holds it back. */
  able: Because;
  /** Whether a limit was hit, and which. */
  limited: Because & { status: boolean };
}

type Rules = Required<Omit<HPAScalingRules, "tolerance">>;
/** Source: pkg/apis/autoscaling/v2/defaults.go and the flag horizontal-pod-autoscaler-downscale-stabilization. */
const upDefaults: Rules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};
const downDefaults: Rules = {
  stabilizationWindowSeconds: 300,
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};
const rulesOf = (given: HPAScalingRules | undefined, defaults: Rules): Rules => ({ ...defaults, ...given });

const ready = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const within = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };
const tooFew = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const tooMany = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const tooFast = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const tooFastDown = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};
const heldDown = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const heldUp = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};

/** The size to take, given what was proposed now and before. Adds the proposal to the history. */
export function decide(question: Question, history: History): Decision {
  const { proposed, behavior } = question;
  const up = rulesOf(behavior?.scaleUp, upDefaults);
  const down = rulesOf(behavior?.scaleDown, downDefaults);
  const steady = behavior ? stabilize(question, history, up, down) : holdDown(question, history);
  remember(question, history, Math.max(up.stabilizationWindowSeconds, down.stabilizationWindowSeconds));
  const stabilized = { ...question, proposed: steady };
  const bound = behavior ? boundByRules(stabilized, history, up, down) : boundByDefault(stabilized);
  const held = proposed >= question.current && behavior ? heldUp : heldDown;
  return {
    replicas: bound.replicas,
    able: steady === proposed ? ready : held,
    limited: { ...bound.because, status: bound.replicas !== steady },
  };
}

function remember({ now, proposed }: Question, history: History, seconds: number): void {
  const oldest = now - seconds * 1000;
  history.recommendations = history.recommendations.filter(({ at }) => at >= oldest);
  history.recommendations.push({ at: now, replicas: proposed });
}

/** Without rules of its own a target follows the highest proposal of five minutes. */
function holdDown({ proposed, now }: Question, { recommendations }: History): number {
  const since = now - downDefaults.stabilizationWindowSeconds * 1000;
  return recommendations.reduce((most, { at, replicas }) => (at < since ? most : Math.max(most, replicas)), proposed);
}

/** The size between the lowest proposal of one window and the highest of the other that is next to the present one. */
function stabilize({ current, proposed, now }: Question, { recommendations }: History, up: Rules, down: Rules): number {
  let [low, high] = [proposed, proposed];
  for (const { at, replicas } of recommendations) {
    if (at > now - up.stabilizationWindowSeconds * 1000) low = Math.min(low, replicas);
    if (at > now - down.stabilizationWindowSeconds * 1000) high = Math.max(high, replicas);
  }
  return Math.min(Math.max(current, low), high);
}

interface Bound {
  replicas: number;
  because: Because;
}

function boundByDefault({ current, proposed, min, max }: Question): Bound {
  const fastest = Math.max(2 * current, 4);
  const most = Math.min(max, fastest);
  if (proposed < min) return { replicas: min, because: tooFew };
  if (proposed > most) return { replicas: most, because: max > fastest ? tooFast : tooMany };
  return { replicas: proposed, because: within };
}

function boundByRules(question: Question, history: History, up: Rules, down: Rules): Bound {
  const { current, proposed, min, max } = question;
  if (proposed > current) {
    const fastest = Math.max(current, upLimit(question, history, up));
    const most = Math.min(max, fastest);
    if (proposed > most) return { replicas: most, because: max > fastest ? tooFast : tooMany };
  } else if (proposed < current) {
    const fastest = Math.min(current, downLimit(question, history, down));
    const least = Math.max(min, fastest);
    if (proposed < least) return { replicas: least, because: min < fastest ? tooFastDown : tooFew };
  }
  return { replicas: proposed, because: within };
}

/** How many there were at the start of a policy's period. */
function startOf({ current, now }: Question, { ups, downs }: History, periodSeconds: number): number {
  const changed = (events: ScaleEvent[]) =>
    events.reduce((sum, { at, change }) => (at > now - periodSeconds * 1000 ? sum + change : sum), 0);
  return current - changed(ups) + changed(downs);
}

function upLimit(question: Question, history: History, { selectPolicy, policies }: Rules): number {
  if (selectPolicy === "Disabled") return question.current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = startOf(question, history, periodSeconds);
    return type === "Pods" ? start + value : Math.ceil((start * (100 + value)) / 100);
  });
  return selectPolicy === "Min" ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(question: Question, history: History, { selectPolicy, policies }: Rules): number {
  if (selectPolicy === "Disabled") return question.current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = startOf(question, history, periodSeconds);
    return type === "Pods" ? start - value : Math.trunc((start * (100 - value)) / 100);
  });
  // The policy that allows the greatest change leaves the fewest.
  return selectPolicy === "Min" ? Math.max(...limits) : Math.min(...limits);
}

/** Adds a change of size to the history, and drops those that no policy looks at any more. */
export function noteScaling(
  history: History,
  from: number,
  to: number,
  now: number,
  rules: Question["behavior"],
): void {
  const kept = (events: ScaleEvent[], { policies }: Rules) => {
    const longest = Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds));
    return events.filter(({ at }) => at > now - longest * 1000);
  };
  history.ups = kept(history.ups, rulesOf(rules?.scaleUp, upDefaults));
  history.downs = kept(history.downs, rulesOf(rules?.scaleDown, downDefaults));
  if (!rules) return;
  if (to > from) history.ups.push({ at: now, change: to - from });
  else history.downs.push({ at: now, change: from - to });
}
