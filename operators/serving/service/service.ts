// Reconciles InferenceServices: a Deployment and a Service for each predictor, an HTTPRoute, and the status.
import { isDeepStrictEqual } from "node:util";
import { Deployments, HorizontalPodAutoscalers, Pods, Services } from "@capstan/api/generated/resources";
import { type HttpRoute, HttpRoutes } from "@capstan/api/kinds/gateway";
import { Models } from "@capstan/api/kinds/model";
import {
  type CanaryStatus,
  ClusterServingRuntimes,
  type InferenceService,
  InferenceServices,
  type PredictorSpec,
  ServingRuntimes,
  servingAnnotations,
  servingLabels,
} from "@capstan/api/kinds/serving";
import { isReason, type KubeObject, keyOf, type New, type ObjectRef, type Resource, refOf } from "@capstan/api/meta";
import { type Controller, createController, createRecorder, type Informers } from "@capstan/core/reconcile";
import type { ServingOptions } from "../options.ts";
import { applyObject } from "./applied.ts";
import { scales } from "./autoscaler.ts";
import { type Health, healthOf } from "./health.ts";
import { modelUri } from "./model-uri.ts";
import { canaryName, predictorName } from "./names.ts";
import { buildPredictor, type PredictorInput } from "./predictor.ts";
import { PredictorProblem } from "./problem.ts";
import { buildRoute } from "./route.ts";
import { selectRuntime } from "./runtime.ts";
import { type Observed, type PredictorState, statusOf } from "./service-status.ts";
import { specProblem } from "./spec-check.ts";
import { resolveStorage } from "./storage.ts";

const byApp = "serving-app";
const byModel = "serving-model";

const ownerOf = ({ metadata }: KubeObject): ObjectRef[] => {
  const name = metadata.labels?.[servingLabels.service];
  return name ? [{ namespace: metadata.namespace ?? "", name }] : [];
};

export function createServiceController(options: ServingOptions): Controller {
  const { client, informers, log } = options;
  const recorder = createRecorder(client, { component: "inferenceservice" });
  const services = informers.informer(InferenceServices);
  services.addIndex(byModel, modelKeys);
  informers.informer(Pods).addIndex(byApp, ({ metadata }) => {
    const app = metadata.labels?.[servingLabels.service] && metadata.labels.app;
    return app ? [keyOf({ namespace: metadata.namespace ?? "", name: app })] : [];
  });
  const all = (namespace?: string) => services.list(namespace).map(refOf);
  const work = new ServiceWork(options);
  return createController({
    name: "inferenceservice",
    informers,
    log,
    sources: [
      { resource: InferenceServices },
      { resource: Deployments, keys: ownerOf },
      { resource: Services, keys: ownerOf },
      { resource: HttpRoutes, keys: ownerOf },
      { resource: HorizontalPodAutoscalers, keys: ownerOf },
      { resource: Pods, keys: ownerOf },
      { resource: Models, keys: (model) => services.byIndex(byModel, keyOf(refOf(model))).map(refOf) },
      { resource: ServingRuntimes, keys: ({ metadata }) => all(metadata.namespace) },
      { resource: ClusterServingRuntimes, keys: () => all() },
    ],
    async reconcile(ref) {
      const service = services.get(ref);
      if (!service || service.metadata.deletionTimestamp) return undefined;
      const status = statusOf(service, await work.bringAbout(service), options);
      if (isDeepStrictEqual(service.status, status)) return undefined;
      const problem = status.modelStatus?.lastFailureInfo;
      if (problem?.message && problem.message !== service.status?.modelStatus?.lastFailureInfo?.message) {
        recorder.warning(service, problem.reason ?? "Failed", problem.message);
      }
      await client.updateStatus(InferenceServices, { ...service, status });
      return undefined;
    },
  });
}

function modelKeys({ spec, metadata }: InferenceService): string[] {
  const predictors = [spec.predictor, ...(spec.canary ?? []).map(({ predictor }) => predictor)];
  return predictors.flatMap((predictor) => {
    const named = modelUri(predictor?.model?.storageUri);
    return named ? [keyOf({ namespace: metadata.namespace ?? "", name: named.name })] : [];
  });
}

interface Wanted {
  name: string;
  component: "predictor" | "canary";
  spec: PredictorSpec;
}

const pruned: Resource[] = [Deployments, Services, HttpRoutes];

function canariesOf({ spec, metadata }: InferenceService): Wanted[] {
  return (spec.canary ?? []).map(({ predictor }) => {
    return { name: canaryName(metadata.name, predictor.name), component: "canary", spec: predictor };
  });
}

class ServiceWork {
  readonly #options: ServingOptions;
  readonly #informers: Informers;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.#informers = options.informers;
  }

  /** Writes what is to be there, and says how it is. */
  async bringAbout(service: InferenceService): Promise<Observed> {
    if (service.metadata.annotations?.[servingAnnotations.stop] === "true") {
      await this.#prune(service, new Set(), [...pruned, HorizontalPodAutoscalers]);
      return { canaries: [], route: undefined, stopped: true };
    }
    const { name } = service.metadata;
    const invalid = specProblem(service);
    const stable: Wanted = { name: predictorName(name), component: "predictor", spec: service.spec.predictor };
    const made = invalid ? new PredictorProblem("InvalidPredictorSpec", invalid) : await this.#attempt(service, stable);
    const canaries = invalid ? [] : await this.#canaries(service);
    const route = invalid
      ? this.#informers.informer(HttpRoutes).get(refOf(service))
      : await this.#guard(() => this.#route(service, canaries));
    if (!invalid) {
      const wanted = [stable, ...canariesOf(service)];
      await this.#prune(service, new Set([...wanted.map((one) => one.name), name]));
      const scaled = wanted.filter(({ spec }) => scales(spec)).map((one) => one.name);
      await this.#prune(service, new Set(scaled), [HorizontalPodAutoscalers]);
    }
    const problem = [made, route].find((result) => result instanceof PredictorProblem);
    const observed = { canaries, route: route instanceof PredictorProblem ? undefined : route, stopped: false };
    if (problem) return { problem, running: this.#runningHealth(service, stable.name), ...observed };
    return { predictor: made as PredictorState, ...observed };
  }

  async #canaries(service: InferenceService): Promise<CanaryStatus[]> {
    const statuses: CanaryStatus[] = [];
    for (const { predictor, trafficPercent } of service.spec.canary ?? []) {
      const name = canaryName(service.metadata.name, predictor.name);
      const state = await this.#attempt(service, { name, component: "canary", spec: predictor });
      const failed = state instanceof PredictorProblem;
      const ready = !failed && state.health.available;
      const message = failed ? state.message : state.health.message;
      statuses.push({ name: predictor.name, trafficPercent, ready, ...(message ? { message } : {}) });
    }
    return statuses;
  }

  #attempt(service: InferenceService, wanted: Wanted): Promise<PredictorState | PredictorProblem> {
    return this.#guard(() => this.#predictor(service, wanted));
  }

  /** A problem of the spec becomes a value: trying again would not help. */
  async #guard<T>(make: () => Promise<T>): Promise<T | PredictorProblem> {
    try {
      return await make();
    } catch (error) {
      if (error instanceof PredictorProblem) return error;
      // The API server found the predictor's own fields wrong, or a quota or policy is against it.
      if (isReason(error, "Invalid", "Forbidden")) return new PredictorProblem("InvalidPredictorSpec", error.message);
      throw error;
    }
  }

  async #predictor(service: InferenceService, { name, component, spec }: Wanted): Promise<PredictorState> {
    const { namespace = "" } = service.metadata;
    const input: PredictorInput = { service, name, component, spec };
    if (spec.model) {
      const cluster = this.#informers.informer(ClusterServingRuntimes).list();
      input.runtime = selectRuntime(spec.model, {
        namespaced: this.#informers.informer(ServingRuntimes).list(namespace),
        cluster,
      });
      if (spec.model.storageUri) input.storage = await this.#storage(spec.model.storageUri, namespace);
    }
    const present = this.#informers.informer(Deployments).get({ namespace, name });
    if (present?.spec.replicas !== undefined) input.replicas = present.spec.replicas;
    const built = buildPredictor(input);
    const deployment = await this.#apply(service, Deployments, built.deployment);
    await this.#apply(service, Services, built.service);
    if (built.autoscaler) await this.#apply(service, HorizontalPodAutoscalers, built.autoscaler);
    const pods = this.#informers.informer(Pods).byIndex(byApp, keyOf({ namespace, name: `isvc.${name}` }));
    const { runtime, storage } = input;
    return {
      revision: built.revision,
      health: healthOf(deployment, pods, built.revision),
      ...(storage?.modelVersion === undefined ? {} : { modelVersion: storage.modelVersion }),
      ...(runtime ? { runtime: { name: runtime.metadata.name, cluster: !runtime.metadata.namespace } } : {}),
    };
  }

  #storage(uri: string, namespace: string) {
    const models = this.#informers.informer(Models);
    return resolveStorage(uri, namespace, {
      artifacts: this.#options.artifacts,
      fileRoots: this.#options.fileRoots,
      model: (name) => models.get({ namespace, name }),
      modelNames: () => models.list(namespace).map(({ metadata }) => metadata.name),
    });
  }

  #route(service: InferenceService, canaries: CanaryStatus[]): Promise<HttpRoute> {
    const ready = new Set(canaries.filter((canary) => canary.ready).map(({ name }) => name));
    return this.#apply(service, HttpRoutes, buildRoute(service, ready, this.#options));
  }

  /** Refuses to take over what somebody else has made under the same name. */
  async #apply<T extends KubeObject>(service: InferenceService, resource: Resource<T>, wanted: New<T>): Promise<T> {
    const { namespace = "", name = "" } = wanted.metadata;
    const present = this.#informers.informer(resource).get({ namespace, name });
    if (present && !isOwned(present, service)) {
      throw new PredictorProblem(
        "InvalidPredictorSpec",
        `a ${resource.kind} "${name}" exists already and is not this service's`,
      );
    }
    return applyObject(this.#options.client, resource, wanted, present);
  }

  #runningHealth(service: InferenceService, name: string): Health | undefined {
    const { namespace = "" } = service.metadata;
    const deployment = this.#informers.informer(Deployments).get({ namespace, name });
    return deployment && isOwned(deployment, service) ? healthOf(deployment, [], "") : undefined;
  }

  /** Removes what was made for predictors that are no longer wanted. */
  async #prune(service: InferenceService, keep: ReadonlySet<string>, kinds: Resource[] = pruned): Promise<void> {
    for (const resource of kinds) {
      for (const object of this.#informers.informer(resource).list(service.metadata.namespace)) {
        if (!isOwned(object, service) || keep.has(object.metadata.name) || object.metadata.deletionTimestamp) continue;
        await this.#options.client.delete(resource, refOf(object)).catch((error) => {
          if (!isReason(error, "NotFound")) throw error;
        });
      }
    }
  }
}

function isOwned({ metadata }: KubeObject, service: InferenceService): boolean {
  return (metadata.ownerReferences ?? []).some(({ uid, controller }) => controller && uid === service.metadata.uid);
}
