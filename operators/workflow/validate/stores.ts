// Places of artifacts: stores and fields that nothing here acts on are refused.
import {
  type Artifact,
  type ArtifactGC,
  type ArtifactLocation,
  type StoreName,
  storeOf,
  type Template,
} from "@capstan/api/kinds/workflow";
import type { Problem } from "./shape.ts";

export function checkArtifacts(artifacts: Artifact[] | undefined, path: string, problems: Problem[]): void {
  for (const [i, artifact] of (artifacts ?? []).entries()) {
    const at = `${path}[${i}]`;
    checkPlace(artifact, at, problems);
    checkStrategy(artifact.artifactGC, `${at}.artifactGC`, problems);
  }
}

const strategies = ["", "OnWorkflowCompletion", "OnWorkflowDeletion", "Never"];

export function checkStrategy(gc: ArtifactGC | undefined, path: string, problems: Problem[]): void {
  const { strategy = "" } = gc ?? {};
  if (!strategies.includes(strategy))
    problems.push({
      path: `${path}.strategy`,
      message: `${JSON.stringify(strategy)} is none of ${strategies.slice(1).join(", ")}`,
    });
}

/** Fields of stores that nothing here acts on. */
const inert: [StoreName, string[], string][] = [
  [
    "hdfs",
    ["krbCCacheSecret", "krbKeytabSecret", "krbUsername", "krbRealm", "krbConfigConfigMap", "krbServicePrincipalName"],
    "Kerberos is not supported: set hdfsUser",
  ],
  ["hdfs", ["dataTransferProtection"], "is not supported: WebHDFS over https protects what is sent"],
  ["oss", ["lifecycleRule"], "is not supported: set the rule on the bucket"],
];

export function checkPlace(location: ArtifactLocation, path: string, problems: Problem[]): void {
  if (location.plugin !== undefined)
    problems.push({ path: `${path}.plugin`, message: "artifact plugins are not supported: name a store" });
  if (location.azure) problems.push({ path: `${path}.azure`, message: "this store is not supported" });
  for (const [store, fields, message] of inert) {
    const given = location[store] as Record<string, unknown> | undefined;
    for (const field of fields)
      if (given?.[field] !== undefined) problems.push({ path: `${path}.${store}.${field}`, message });
  }
  const { git } = location;
  if (git?.singleBranch && !git.branch)
    problems.push({ path: `${path}.git.branch`, message: "is required with singleBranch" });
}

/** Stores whose content can be listed. */
const listed: (StoreName | undefined)[] = ["file", "s3", "gcs", "oss", "hdfs"];

export function checkData({ data }: Template, path: string, problems: Problem[]): void {
  if (!data) return;
  const at = `${path}.data.source.artifactPaths`;
  const { artifactPaths } = data.source ?? {};
  if (!artifactPaths) {
    problems.push({ path: at, message: "is required" });
    return;
  }
  checkPlace(artifactPaths, at, problems);
  if (!listed.includes(storeOf(artifactPaths)))
    problems.push({ path: at, message: `names no store that can be listed: ${listed.join(", ")}` });
}
