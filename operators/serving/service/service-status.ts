// The status of an InferenceService, in KServe's conditions.
import type { HttpRoute } from "@capstan/api/kinds/gateway";
import type {
  CanaryStatus,
  InferenceService,
  InferenceServiceStatus,
  ModelStatus,
  ServingCondition,
} from "@capstan/api/kinds/serving";
import type { ServingOptions } from "../options.ts";
import type { Health } from "./health.ts";
import { predictorName, urlOf } from "./names.ts";
import type { PredictorProblem } from "./problem.ts";

export interface PredictorState {
  revision: string;
  modelVersion?: number;
  runtime?: { name: string; cluster: boolean };
  health: Health;
}

export interface Observed {
  /** Absent when the predictor cannot be made; `problem` says why. */
  predictor?: PredictorState;
  problem?: PredictorProblem;
  /** What runs from before the problem came up. */
  running?: Health;
  canaries: CanaryStatus[];
  route: HttpRoute | undefined;
  stopped: boolean;
}

type Draft = Pick<ServingCondition, "type" | "status"> & { reason?: string; message?: string };

export function statusOf(
  service: InferenceService,
  observed: Observed,
  options: Pick<ServingOptions, "domain" | "publicPort">,
): InferenceServiceStatus {
  const { metadata, status: before } = service;
  const drafts = conditionsOf(observed);
  const conditions = drafts.map((draft) => dated(draft, before?.conditions));
  const routed = observed.route !== undefined && !observed.stopped;
  const { name, namespace } = metadata;
  const state = observed.predictor;
  const component = {
    ...(state ? { latestCreatedRevision: `${predictorName(name)}-${state.revision}` } : {}),
    ...readyRevision(name, state, before),
  };
  return {
    observedGeneration: metadata.generation ?? 1,
    conditions,
    ...(routed ? { url: urlOf(service, options) } : {}),
    ...(routed ? { address: { url: `http://${predictorName(name)}.${namespace}.svc.cluster.local` } } : {}),
    deploymentMode: "Standard",
    ...runtimeNames(state),
    ...(observed.stopped ? {} : { components: { predictor: component }, modelStatus: modelStatusOf(observed) }),
    ...(observed.canaries.length > 0 ? { canaryStatuses: observed.canaries } : {}),
  };
}

function conditionsOf({ predictor, problem, running, route, stopped }: Observed): Draft[] {
  if (stopped) {
    const message = "stopped by the annotation serving.kserve.io/stop";
    const down = (type: string): Draft => ({ type, status: "False", reason: "Stopped", message });
    return [down("PredictorReady"), down("IngressReady"), down("Ready"), { type: "Stopped", status: "True" }];
  }
  const health = predictor?.health ?? running;
  // What serves goes on serving, so the service stays ready; modelStatus tells of the problem.
  const up = health?.available ?? false;
  const ready: Draft = up
    ? { type: "PredictorReady", status: "True" }
    : { type: "PredictorReady", status: "False", ...whyDown(problem, health) };
  const ingress = ingressOf(route);
  const both = ready.status === "True" && ingress.status === "True";
  const first = ready.status === "True" ? ingress : ready;
  const whole: Draft = both ? { type: "Ready", status: "True" } : { ...first, type: "Ready", status: "False" };
  return [ready, ingress, whole, { type: "Stopped", status: "False" }];
}

function whyDown(problem: PredictorProblem | undefined, health: Health | undefined) {
  if (problem) return { reason: problem.reason, message: problem.message };
  const failure = health?.model.lastFailureInfo;
  return { reason: failure?.reason ?? "PredictorNotReady", message: health?.message ?? "" };
}

function ingressOf(route: HttpRoute | undefined): Draft {
  const parents = route?.status?.parents ?? [];
  if (parents.length === 0) {
    return {
      type: "IngressReady",
      status: "False",
      reason: "NoGateway",
      message: "no gateway has taken the HTTPRoute yet",
    };
  }
  const wrong = parents.flatMap(({ conditions }) => conditions).find(({ status }) => status !== "True");
  if (!wrong) return { type: "IngressReady", status: "True" };
  return { type: "IngressReady", status: "False", reason: wrong.reason, message: wrong.message };
}

function dated(draft: Draft, before: ServingCondition[] = []): ServingCondition {
  const old = before.find(({ type }) => type === draft.type);
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const same = old?.status === draft.status && old.lastTransitionTime;
  return { ...draft, lastTransitionTime: same || now };
}

function modelStatusOf({ predictor, problem, running }: Observed): ModelStatus {
  if (predictor) return predictor.health.model;
  const active = running?.available ? "Loaded" : "FailedToLoad";
  const lastFailureInfo = problem ? { reason: problem.reason, message: problem.message } : undefined;
  return {
    transitionStatus: "InvalidSpec",
    states: { activeModelState: active, targetModelState: "FailedToLoad" },
    ...(lastFailureInfo ? { lastFailureInfo } : {}),
  };
}

function readyRevision(name: string, state: PredictorState | undefined, before: InferenceServiceStatus | undefined) {
  const old = before?.components?.predictor;
  if (!state?.health.current) {
    const { latestReadyRevision, traffic, modelVersion } = old ?? {};
    return {
      ...(latestReadyRevision ? { latestReadyRevision } : {}),
      ...(traffic ? { traffic } : {}),
      ...(modelVersion === undefined ? {} : { modelVersion }),
    };
  }
  const revisionName = `${predictorName(name)}-${state.revision}`;
  return {
    latestReadyRevision: revisionName,
    traffic: [{ revisionName, latestRevision: true, percent: 100 }],
    ...(state.modelVersion === undefined ? {} : { modelVersion: state.modelVersion }),
  };
}

function runtimeNames(state: PredictorState | undefined) {
  if (!state?.runtime) return {};
  const { name, cluster } = state.runtime;
  return cluster ? { clusterServingRuntimeName: name } : { servingRuntimeName: name };
}
