// The pod of a node: init and wait containers of the executor around the template's own. The same on every cluster.
import type { Container, EnvVar, Pod, PodSpec, VolumeMount } from "@capstan/api/generated/core-v1";
import type { NodeStatus, ResourceTemplate, Template } from "@capstan/api/kinds/workflow";
import { mainRoot, progressPath, scriptPath } from "@capstan/api/kinds/workflow-pod";
import { ExpressionError } from "../../expressions/index.ts";
import { inputScope } from "../inputs.ts";
import { labels } from "../names.ts";
import type { Run } from "../run.ts";
import { Scope } from "../scope.ts";
import { isExecutorsOwn, typeOf } from "../templates.ts";
import { executorToken } from "./account.ts";
import { locate } from "./location.ts";
import { away, patchSpec, placement } from "./placement.ts";
import {
  artifactMounts,
  artifactsMount,
  directoryVolumes,
  executorMount,
  inputVolumes,
  loaded,
  mirrored,
  mountOver,
  placesOf,
  secretVolumes,
  stagingMount,
  volumesFor,
} from "./volumes.ts";
import { wrapMain, wrapSidecar } from "./wrap.ts";

export interface PodOptions {
  onExit: boolean;
  includeResult: boolean;
  /** Epoch milliseconds after which the pod is stopped. */
  deadline?: number;
  /** Nodes of the cluster on which it is not to run. */
  avoid?: string[];
}
type PodTemplate = Omit<Pod, "status"> & { spec: PodSpec };

/** @throws ExpressionError for what cannot become a pod, by its field. */
export function buildPod(run: Run, node: NodeStatus, template: Template, options: PodOptions): Pod {
  const name = run.podName(node);
  const scope = new Scope(inputScope(template, run.globals));
  scope.set("pod.name", name);
  scope.set("node.name", node.name);
  const { repository } = run.world.repository(run.workflow);
  const located = locate(template, repository, scope, run.spec.archiveLogs);
  const mains = mainContainers(run, template);
  const own = isExecutorsOwn(template);
  for (const main of mains) {
    const first = main === mains[0] || main.name === "main";
    // What a resource template takes in is read by the executor itself.
    const extra = first && !own ? artifactMounts(template, main) : [];
    main.volumeMounts = [...(main.volumeMounts ?? []), ...extra];
    if (template.script) main.volumeMounts.push(stagingMount);
    main.volumeMounts.push(executorMount);
  }
  const main = mains.find((container) => container.name === "main") ?? (mains[0] as Container);
  const env = executorEnv(run, node, located, options);
  const places = placesOf(located);
  const { artifactVolume } = run.world.settings;
  const { namespace = "" } = run.workflow.metadata;
  const [secrets, directory] = [secretVolumes(places), directoryVolumes(artifactVolume, namespace, places)];
  const token = executorToken(run, template);
  const mounts = [...secrets.mounts, ...directory.mounts, ...token.mounts];
  const pod: PodTemplate = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: metadataOf(run, node, template, name, options, main.name),
    spec: {
      restartPolicy: "Never",
      ...placement(run, template),
      ...(options.avoid?.length ? { affinity: away(placement(run, template).affinity, options.avoid) } : {}),
      ...deadlineOf(run, template, options),
      initContainers: [
        ...(own ? [] : [withMounts(initContainer(run, template, main, env), mounts)]),
        ...(template.initContainers ?? []).map((container) => withMirror(container, main)),
      ],
      containers: [
        ...(own ? [] : [withMounts(waitContainer(run, template, main, env), mounts)]),
        ...mains.map((container) => ({
          ...(own ? withMounts(container, mounts) : wrapMain(located, container, main, options)),
          env: [...(container.env ?? []), ...(own ? named(env, container.name) : mainEnv(env, container.name))],
        })),
        ...(template.sidecars ?? []).map((sidecar) => wrapSidecar(withMirror(sidecar, main))),
      ],
      volumes: [
        ...inputVolumes(template),
        ...secrets.volumes,
        ...directory.volumes,
        ...token.volumes,
        ...volumesFor(run, template, declaredContainers(template, mains)),
      ],
    },
  };
  return { ...pod, spec: patchSpec(pod.spec, [run.spec.podSpecPatch, template.podSpecPatch]) };
}

const withMounts = (container: Container, mounts: VolumeMount[]): Container => ({
  ...container,
  volumeMounts: [...(container.volumeMounts ?? []), ...mounts],
});

const declaredContainers = (template: Template, mains: Container[]): Container[] => [
  ...mains,
  ...(template.initContainers ?? []),
  ...(template.sidecars ?? []),
];

function withMirror(
  { mirrorVolumeMounts, ...container }: Container & { mirrorVolumeMounts?: boolean },
  main: Container,
) {
  if (!mirrorVolumeMounts) return container;
  const known = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath));
  const more = (main.volumeMounts ?? []).filter(({ mountPath }) => !known.has(mountPath));
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), ...more] };
}

function mainContainers(run: Run, template: Template): Container[] {
  switch (typeOf(template)) {
    case "container":
      return [{ ...(template.container as Container), name: "main" }];
    case "script": {
      const { source: _, ...container } = template.script as Container & { source: string };
      return [{ ...container, name: "main", args: [...(container.args ?? []), scriptPath] }];
    }
    case "resource":
      return [executorMain(run, ["resource", (template.resource as ResourceTemplate).action])];
    case "data":
      return [executorMain(run, ["data"])];
    default:
      return (template.containerSet?.containers ?? []).map(({ dependencies: _, ...container }) => ({
        ...container,
        volumeMounts: [...(container.volumeMounts ?? []), ...(template.containerSet?.volumeMounts ?? [])],
      }));
  }
}

function executorMain(run: Run, args: string[]): Container {
  return { name: "main", image: run.world.settings.executorImage, command: ["argoexec"], args };
}

function executorEnv(run: Run, node: NodeStatus, template: Template, options: PodOptions): EnvVar[] {
  const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return [
    field("ARGO_POD_NAME", "metadata.name"),
    field("ARGO_POD_UID", "metadata.uid"),
    { name: "ARGO_WORKFLOW_NAME", value: run.name },
    { name: "ARGO_WORKFLOW_UID", value: run.workflow.metadata.uid ?? "" },
    ...templateVariables(JSON.stringify(template)),
    { name: "ARGO_NODE_ID", value: node.id },
    { name: "ARGO_INCLUDE_SCRIPT_OUTPUT", value: String(options.includeResult) },
    {
      name: "ARGO_DEADLINE",
      value: options.deadline ? new Date(options.deadline).toISOString() : "0001-01-01T00:00:00Z",
    },
  ];
}
/** A variable has at most 128 KiB (MAX_ARG_STRLEN of execve(2)); a unit of UTF-16 takes at most three bytes. */
const variableLimit = 40_000;

function templateVariables(text: string): EnvVar[] {
  const parts: EnvVar[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + variableLimit);
    // A pair of surrogates is one character.
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1] ?? "")) end--;
    // `$(` would be read as a reference to a variable.
    const value = text.slice(at, end).replaceAll("$(", "$$(");
    parts.push({ name: parts.length === 0 ? "ARGO_TEMPLATE" : `ARGO_TEMPLATE_${parts.length}`, value });
    at = end;
  }
  return parts;
}

const named = (env: EnvVar[], container: string): EnvVar[] => [
  ...env,
  { name: "ARGO_CONTAINER_NAME", value: container },
];
/** A template can be longer than one variable of a process may be, and main does not need it. */
const mainEnv = (env: EnvVar[], container: string): EnvVar[] =>
  named(
    [
      ...env.filter(({ name }) => name === "ARGO_NODE_ID" || name === "ARGO_INCLUDE_SCRIPT_OUTPUT"),
      { name: "ARGO_PROGRESS_FILE", value: progressPath },
    ],
    container,
  );

function initContainer(run: Run, template: Template, main: Container, env: EnvVar[]): Container {
  const artifacts = loaded(template);
  const through = new Map<string, VolumeMount>();
  for (const { path } of artifacts) {
    const mount = mountOver(
      path ?? "",
      (main.volumeMounts ?? []).filter(({ name }) => name !== artifactsMount.name),
    );
    if (mount) through.set(mount.mountPath, { ...mount, mountPath: `${mainRoot}${mount.mountPath}` });
  }
  return {
    name: "init",
    image: run.world.settings.executorImage,
    command: ["argoexec"],
    args: [
      "init",
      `--containers=${wrappedNames(template).join(",")}`,
      ...(template.script || artifacts.length > 0 ? [] : ["--stage-only"]),
    ],
    env: named(env, "init"),
    volumeMounts: [
      executorMount,
      ...(artifacts.length > 0 ? [artifactsMount] : []),
      ...(template.script ? [stagingMount] : []),
      ...through.values(),
    ],
  };
}

/** The containers that argoexec runs. */
function wrappedNames({ containerSet, sidecars = [] }: Template): string[] {
  return [...(containerSet?.containers ?? [{ name: "main" }]), ...sidecars].map(({ name }) => name);
}

function waitContainer(run: Run, template: Template, main: Container, env: EnvVar[]): Container {
  const outputs = Boolean(template.outputs?.parameters?.length || template.outputs?.artifacts?.length);
  return {
    name: "wait",
    image: run.world.settings.executorImage,
    command: ["argoexec"],
    args: ["wait"],
    env: named(env, "wait"),
    volumeMounts: [
      executorMount,
      ...(loaded(template).length > 0 ? [artifactsMount] : []),
      ...(outputs ? mirrored(main) : []),
    ],
  };
}

function metadataOf(
  run: Run,
  node: NodeStatus,
  template: Template,
  name: string,
  { onExit }: PodOptions,
  main: string,
) {
  const { podGC, podMetadata } = run.spec;
  const set = template.containerSet?.containers;
  const containers = set?.map((container) => container.name).join(",");
  const order = (set ?? []).flatMap((one) => (one.dependencies?.length ? [[one.name, one.dependencies]] : []));
  return {
    name,
    namespace: run.workflow.metadata.namespace ?? "",
    labels: {
      ...podMetadata?.labels,
      ...template.metadata?.labels,
      [labels.workflow]: run.name,
      [labels.completed]: "false",
      [labels.component]: "workflow-pod",
      ...(onExit ? { [labels.onExit]: "true" } : {}),
    },
    annotations: {
      ...podMetadata?.annotations,
      ...template.metadata?.annotations,
      [labels.nodeName]: node.name,
      [labels.nodeId]: node.id,
      "kubectl.kubernetes.io/default-container": main,
      ...(podGC?.strategy ? { [labels.podGcStrategy]: `${podGC.strategy}/${podGC.deleteDelayDuration ?? "5s"}` } : {}),
      ...(template.daemon ? { [daemonAnnotation]: "true" } : {}),
      ...(containers ? { [containersAnnotation]: containers } : {}),
      ...(order.length > 0 ? { [startAfterAnnotation]: JSON.stringify(Object.fromEntries(order)) } : {}),
    },
    ownerReferences: [
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        name: run.name,
        uid: run.workflow.metadata.uid ?? "",
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}
/** The pod serves its workflow until the template around it is over. */
export const daemonAnnotation = "capstan.dev/daemon";
/** Container → those that must have ended well before it starts; the node agent keeps to it. */
const startAfterAnnotation = "capstan.dev/start-after";
/** Names of the containers that are the template's own, where there are several. */
export const containersAnnotation = "capstan.dev/main-containers";

function deadlineOf(run: Run, template: Template, { onExit, deadline }: PodOptions): Partial<PodSpec> {
  const own = template.activeDeadlineSeconds;
  const limits: number[] = [];
  if (own !== undefined && own !== "") {
    if (!Number.isInteger(Number(own)))
      throw new ExpressionError(`activeDeadlineSeconds is ${JSON.stringify(own)}, not a whole number`);
    limits.push(Number(own));
  }
  for (const end of [onExit ? undefined : run.deadline, deadline]) {
    if (end !== undefined) limits.push(Math.max(1, Math.ceil((end - run.world.now) / 1000)));
  }
  return limits.length > 0 ? { activeDeadlineSeconds: Math.min(...limits) } : {};
}
