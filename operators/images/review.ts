import type { Container, PodSpec, Volume } from "@capstan/api/generated/core-v1";
import type { JsonPatchOperation, KubeObject } from "@capstan/api/meta";
import { type CompiledPolicy, imageProblem } from "./policy.ts";

/** On a pod, or a workload's template: what its images were called before, as JSON by container. */
export const originalAnnotation = "capstan.dev/original-images";

/** Of admission.k8s.io v1 and v1beta1 alike. */
export interface AdmissionRequest {
  uid: string;
  kind?: { group?: string; kind?: string };
  namespace?: string;
  subResource?: string;
  operation?: string;
  object?: KubeObject | null;
  /** On UPDATE: what is stored. */
  oldObject?: KubeObject | null;
}

export interface Verdict {
  /** Why the write is refused. */
  refusal?: string;
  patch: JsonPatchOperation[];
  warnings: string[];
}

interface Place {
  /** JSON pointer. */
  path: string;
  spec: PodSpec;
  metadata: { annotations?: Record<string, string> } | undefined;
  metadataPath: string;
}

/** Where each kind keeps its pod. */
const templates: Record<string, string[]> = {
  Pod: [],
  PodTemplate: ["template"],
  ReplicationController: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

const lists = ["initContainers", "containers", "ephemeralContainers"] as const;

/** What the policies change in an object; objects of other kinds stay as they are. */
export function mutate(request: AdmissionRequest, policies: CompiledPolicy[]): Verdict {
  const verdict: Verdict = { patch: [], warnings: [] };
  const place = placeOf(request);
  const active = activeFor(request, policies);
  if (!place || active.length === 0) return verdict;
  const originals: Record<string, string> = {};
  // Of a pod that is there only images change; its ephemeral containers are new.
  const pullsFixed = request.operation === "UPDATE" && request.kind?.kind === "Pod" && !request.subResource;
  for (const { name, image, pulls, at } of freshIn(place, request)) {
    if (image === "" || imageProblem(image)) continue;
    const policy = active.find((each) => each.rewrite(image) !== undefined);
    const next = policy?.rewrite(image);
    if (policy && next !== undefined && next !== image) {
      if (policy.enforced) {
        verdict.patch.push({ op: "replace", path: at.image, value: next });
        originals[name] = image;
      } else
        verdict.warnings.push(`image policy "${policy.name}" (DryRun) would change ${name} from ${image} to ${next}`);
    }
    const puller = active.find(({ alwaysPull }) => alwaysPull);
    if (!puller || pullsFixed || pulls === "Always") continue;
    if (puller.enforced) verdict.patch.push({ op: "add", path: at.pulls, value: "Always" });
    else verdict.warnings.push(`image policy "${puller.name}" (DryRun) would have ${name} pull its image always`);
  }
  // Annotations of a running pod's ephemeral containers are not the request's to change.
  if (Object.keys(originals).length > 0 && !request.subResource)
    verdict.patch.push(...annotate(place, originals, request.operation === "UPDATE"));
  return verdict;
}

/** Whether the images, as all mutation left them, are taken. */
export function validate(request: AdmissionRequest, policies: CompiledPolicy[]): Verdict {
  const verdict: Verdict = { patch: [], warnings: [] };
  const place = placeOf(request);
  const active = activeFor(request, policies);
  if (!place || active.length === 0) return verdict;
  const refusals: string[] = [];
  for (const { name, image } of freshIn(place, request)) {
    if (image === "") continue;
    const problem = imageProblem(image);
    for (const policy of active) {
      const refusal = problem ?? policy.refusal(image);
      if (!refusal) continue;
      if (policy.enforced) refusals.push(`container ${name}: ${refusal}`);
      else verdict.warnings.push(`container ${name}: ${refusal} (DryRun)`);
      if (problem) break;
    }
  }
  return refusals.length > 0 ? { ...verdict, refusal: [...new Set(refusals)].join("; ") } : verdict;
}

function activeFor({ namespace = "" }: AdmissionRequest, policies: CompiledPolicy[]): CompiledPolicy[] {
  return policies.filter((policy) => !policy.exempts(namespace));
}

/**
 * The images that a write brings. What is stored already goes on as it is: a policy that came later must not
 * stop finalizers from being taken off, replicas from being changed, or start a rollout nobody asked for.
 */
function freshIn(place: Place, { kind, operation, object, oldObject }: AdmissionRequest): Found[] {
  const all = imagesIn(place);
  if (operation !== "UPDATE" || !oldObject) return all;
  if (object?.metadata.deletionTimestamp) return [];
  const before = placeOf({ uid: "", kind, object: oldObject });
  const known = new Map((before ? imagesIn(before) : []).map((found) => [idOf(found), found.image]));
  return all.filter((found) => known.get(idOf(found)) !== found.image);
}

/** Its list, and its name in it. */
function idOf({ name, at }: Found): string {
  return `${at.image.replace(/\/\d+\/.*$/, "")}/${name}`;
}

function placeOf({ kind, object }: AdmissionRequest): Place | undefined {
  const steps = templates[kind?.kind ?? ""];
  if (!steps || !object) return undefined;
  let at: unknown = object;
  for (const step of steps) at = (at as Record<string, unknown> | undefined)?.[step];
  const { spec, metadata } = (at ?? {}) as { spec?: PodSpec; metadata?: Place["metadata"] };
  const base = steps.map((step) => `/${step}`).join("");
  return spec ? { path: `${base}/spec`, spec, metadata, metadataPath: `${base}/metadata` } : undefined;
}

/** An image that a pod uses. */
interface Found {
  /** Of its container or volume. */
  name: string;
  image: string;
  pulls: string | undefined;
  /** JSON pointers. */
  at: { image: string; pulls: string };
}

function imagesIn({ path, spec }: Place): Found[] {
  const found = lists.flatMap((list) =>
    items(spec[list]).map(({ name, image = "", imagePullPolicy: pulls }: Partial<Container>, index): Found => {
      const own = `${path}/${list}/${index}`;
      return { name: name ?? "", image, pulls, at: { image: `${own}/image`, pulls: `${own}/imagePullPolicy` } };
    }),
  );
  const volumes = items(spec.volumes).map(({ name, image }: Partial<Volume>, index): Found => {
    const own = `${path}/volumes/${index}/image`;
    const at = { image: `${own}/reference`, pulls: `${own}/pullPolicy` };
    return { name: name ?? "", image: image?.reference ?? "", pulls: image?.pullPolicy, at };
  });
  return [...found, ...volumes];
}

/** Whatever was sent as a list of objects. */
function items<T extends object>(list: T[] | undefined): Partial<T>[] {
  return Array.isArray(list) ? list.map((item) => item ?? {}) : [];
}

/** @param changes the images replace others: what those were called before no longer counts. */
function annotate(
  { metadata, metadataPath }: Place,
  originals: Record<string, string>,
  changes: boolean,
): JsonPatchOperation[] {
  const known = readOriginals(metadata?.annotations?.[originalAnnotation]);
  const value = JSON.stringify(changes ? { ...known, ...originals } : { ...originals, ...known });
  const key = originalAnnotation.replaceAll("/", "~1");
  if (metadata?.annotations) return [{ op: "add", path: `${metadataPath}/annotations/${key}`, value }];
  const annotations = { [originalAnnotation]: value };
  if (metadata) return [{ op: "add", path: `${metadataPath}/annotations`, value: annotations }];
  return [{ op: "add", path: metadataPath, value: { annotations } }];
}

/** What an earlier look wrote; a text of somebody else's counts for nothing. */
function readOriginals(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null ? (read as Record<string, string>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
