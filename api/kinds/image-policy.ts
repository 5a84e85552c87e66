// ImagePolicy (capstan.dev/v1alpha1): where a cluster's images come from, and which it takes.
import type { CustomResourceDefinition } from "../generated/apiextensions-v1.ts";
import type { Condition } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";
import {
  about,
  ageColumn,
  column,
  conditions,
  definitionOf,
  flag,
  int64,
  list,
  object,
  oneOf,
  text,
  texts,
} from "./crd-schema.ts";

export interface ImagePolicy extends KubeObject {
  spec: ImagePolicySpec;
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

export interface ImagePolicySpec {
  /** The first that fits an image changes it. */
  rewrites?: ImageRewrite[];
  /** Images that are taken, after all rewrites; absent: all. `*` stands for any text without `/`, `**` for any. */
  allow?: string[];
  /** Images that are not taken, whatever `allow` says. */
  deny?: string[];
  /** Every container asks the registry each time, so that nobody starts an image without the right to pull it. */
  alwaysPull?: boolean;
  /** DryRun only says in warnings what Enforce would do. */
  mode?: "Enforce" | "DryRun";
  /** Namespaces that the policy leaves alone; default kube-system. */
  exemptNamespaces?: string[];
  /** What happens to a write while the platform does not answer; Ignore lets it through. */
  failurePolicy?: "Ignore" | "Fail";
}

/** `docker.io` stands for its short names too; `docker.io/library` for Docker Hub's own images. */
export interface ImageRewrite {
  from: string;
  to: string;
}

export const ImagePolicies: Resource<ImagePolicy> = {
  group: "capstan.dev",
  version: "v1alpha1",
  resource: "imagepolicies",
  kind: "ImagePolicy",
  namespaced: false,
};

const patterns = { ...texts, maxItems: 1000 };

export const imagePolicyDefinition: CustomResourceDefinition = definitionOf({
  resource: ImagePolicies,
  description:
    "Where the images of a cluster come from, and which it takes. Several policies are read in order of their names.",
  spec: object({
    rewrites: about(
      "The first that fits an image changes it.",
      list(
        object(
          {
            from: about("A registry, or the beginning of a name: docker.io, gcr.io/team, registry.k8s.io.", {
              ...text,
              minLength: 1,
              maxLength: 255,
            }),
            to: about("What stands in its place: mirror.example.com/docker.", {
              ...text,
              minLength: 1,
              maxLength: 255,
            }),
          },
          ["from", "to"],
        ),
        { maxItems: 1000 },
      ),
    ),
    allow: about("Images that are taken, after all rewrites; absent: all. * is any text without /, ** any.", patterns),
    deny: about("Images that are not taken, whatever allow says.", patterns),
    alwaysPull: about("Every container asks the registry each time.", flag),
    mode: { ...oneOf("Enforce", "DryRun"), default: "Enforce" },
    exemptNamespaces: { ...patterns, default: ["kube-system"] },
    failurePolicy: { ...oneOf("Ignore", "Fail"), default: "Ignore" },
  }),
  status: object({ observedGeneration: int64, conditions }),
  columns: [
    column("Mode", ".spec.mode"),
    column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
    column("Message", ".status.conditions[?(@.type=='Ready')].message", { priority: 1 }),
    ageColumn,
  ],
});
