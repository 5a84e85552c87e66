import type { InferenceService } from "@capstan/api/kinds/serving";
import { servingAnnotations } from "@capstan/api/kinds/serving";
import type { Tone } from "../../ui/phase.tsx";

export interface ServiceState {
  ready: boolean;
  stopped: boolean;
  tone: Tone;
  /** Why it is not ready, in the operator's words. */
  message: string | undefined;
}

export function serviceState(service: InferenceService): ServiceState {
  const { conditions = [], modelStatus } = service.status ?? {};
  const ready = conditions.find((c) => c.type === "Ready");
  const stopped = service.metadata.annotations?.[servingAnnotations.stop] === "true";
  const wrong = conditions.find((c) => c.status === "False" && c.type !== "Ready" && c.message);
  const failed = modelStatus?.lastFailureInfo?.message;
  const isReady = ready?.status === "True";
  const tone: Tone = isReady ? "good" : stopped ? "idle" : failed || ready?.status === "False" ? "bad" : "busy";
  return { ready: isReady, stopped, tone, message: isReady ? undefined : (failed ?? wrong?.message ?? ready?.message) };
}

/** `model://penguins/3` → the Model's name and, when pinned, its version. */
export function modelOf(service: InferenceService): { name: string; version: number | undefined } | undefined {
  const match = /^model:\/\/([^/]+)(?:\/(\d+))?$/.exec(service.spec.predictor.model?.storageUri ?? "");
  if (!match?.[1]) return undefined;
  return { name: match[1], version: match[2] === undefined ? undefined : Number(match[2]) };
}

/** Which version answers now: the one that the operator reports, else the pinned one. */
export function servedVersion(service: InferenceService): number | undefined {
  return service.status?.components?.predictor?.modelVersion ?? modelOf(service)?.version;
}
