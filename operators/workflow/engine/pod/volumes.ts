// Volumes of a workflow's pods: those that its containers mount, and those by which the executor hands files over.
import type { Container, Volume, VolumeMount } from "@capstan/api/generated/core-v1";
import { type Artifact, type ArtifactLocation, secretsOf, storeOf, type Template } from "@capstan/api/kinds/workflow";
import { artifactsPath, inputArtifactsPath, mainRoot, sharedPath } from "@capstan/api/kinds/workflow-pod";
import { ExpressionError } from "../../expressions/index.ts";
import type { Run } from "../run.ts";

export const executorVolume = "var-run-argo";
export const executorMount: VolumeMount = { name: executorVolume, mountPath: sharedPath };
export const stagingMount: VolumeMount = { name: "argo-staging", mountPath: "/argo/staging" };
const artifactsVolume = "input-artifacts";
export const artifactsMount: VolumeMount = { name: artifactsVolume, mountPath: inputArtifactsPath };

/** The declared volumes that the containers mount, by the template's own, then the workflow's claims, then its own. */
export function volumesFor(run: Run, template: Template, containers: Container[]): Volume[] {
  const declared = [
    ...(template.volumes ?? []),
    ...(run.status.persistentVolumeClaims ?? []),
    ...(run.spec.volumes ?? []),
  ];
  const wanted = new Set(
    containers.flatMap(({ volumeMounts, volumeDevices }) => [
      ...(volumeMounts ?? []).map(({ name }) => name),
      ...(volumeDevices ?? []).map(({ name }) => name),
    ]),
  );
  const found: Volume[] = [];
  for (const name of wanted) {
    if ([executorVolume, artifactsVolume, stagingMount.name].includes(name)) continue;
    const volume = declared.find((candidate) => candidate.name === name);
    if (!volume) throw new ExpressionError(`volume '${name}' not found in workflow spec`);
    found.push(volume);
  }
  return found;
}

/** The mount over an artifact's path, the longest one that holds it. */
export function mountOver(path: string, mounts: VolumeMount[] | undefined): VolumeMount | undefined {
  const inside = (mounts ?? []).filter(({ mountPath }) => {
    const base = mountPath.replace(/\/+$/, "");
    return path === base || path.startsWith(`${base}/`);
  });
  return inside.sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
}

/** Mounts through which main sees its input artifacts, but for those that already lie in one of its volumes. */
export function artifactMounts(template: Template, main: Container): VolumeMount[] {
  return loaded(template).flatMap(({ name, path }) => {
    if (!path) throw new ExpressionError(`inputs.artifacts.${name}.path is required`);
    if (path === "/") throw new ExpressionError(`inputs.artifacts.${name}.path must not be /`);
    return mountOver(path, main.volumeMounts) ? [] : [{ name: artifactsVolume, mountPath: path, subPath: name }];
  });
}

/** Input artifacts that have a content: an optional one may have none. */
export function loaded(template: Template): Artifact[] {
  return (template.inputs?.artifacts ?? []).filter((artifact) => storeOf(artifact) ?? artifact.azure);
}

/** Main's volumes as the executor sees them. */
export function mirrored(main: Container): VolumeMount[] {
  return (main.volumeMounts ?? [])
    .filter(({ name }) => name !== artifactsVolume && name !== stagingMount.name && name !== executorVolume)
    .map((mount) => ({ ...mount, mountPath: `${mainRoot}${mount.mountPath}` }));
}

export const emptyDir = (name: string): Volume => ({ name, emptyDir: {} });
export const inputVolumes = (template: Template): Volume[] => [
  emptyDir(executorVolume),
  ...(loaded(template).length > 0 ? [emptyDir(artifactsVolume)] : []),
  ...(template.script ? [emptyDir(stagingMount.name)] : []),
];

/** Where the executor finds the Secrets of stores: `<root>/<name>/<key>`. */
export const secretRoot = "/argo/secret";

/**
 * Volumes of the Secret keys that locations name, and where the executor mounts them. A Secret that is missing does not
 * hold the pod back: the executor says which one it is.
 */
export function secretVolumes(locations: (ArtifactLocation | undefined)[]): {
  volumes: Volume[];
  mounts: VolumeMount[];
} {
  const keys = new Map<string, Set<string>>();
  for (const { selector } of locations.flatMap((location) => secretsOf(location))) {
    const { name = "", key } = selector;
    keys.set(name, (keys.get(name) ?? new Set()).add(key));
  }
  const names = [...keys.keys()].sort();
  const volumeOf = (name: string) => `argo-secret-${names.indexOf(name)}`;
  return {
    volumes: names.map((name) => ({
      name: volumeOf(name),
      secret: {
        secretName: name,
        optional: true,
        items: [...(keys.get(name) ?? [])].sort().map((key) => ({ key, path: key })),
      },
    })),
    mounts: names.map((name) => ({ name: volumeOf(name), mountPath: `${secretRoot}/${name}`, readOnly: true })),
  };
}

const directoryVolume = "capstan-artifacts";

/** The artifact directory, of which a pod sees its own namespace's part, where one of the places lies in it. */
export function directoryVolumes(
  artifactVolume: Omit<Volume, "name"> | undefined,
  namespace: string,
  places: ArtifactLocation[],
): { volumes: Volume[]; mounts: VolumeMount[] } {
  if (!artifactVolume || !places.some(({ file }) => file)) return { volumes: [], mounts: [] };
  return {
    volumes: [{ ...artifactVolume, name: directoryVolume }],
    mounts: [{ name: directoryVolume, mountPath: `${artifactsPath}/${namespace}`, subPath: namespace }],
  };
}

/** Every place that the executor of a template reads or writes. */
export function placesOf(template: Template): ArtifactLocation[] {
  return [
    ...(template.inputs?.artifacts ?? []),
    ...(template.outputs?.artifacts ?? []),
    ...(template.archiveLocation ? [template.archiveLocation] : []),
    ...(template.data?.source.artifactPaths ? [template.data.source.artifactPaths] : []),
  ];
}
