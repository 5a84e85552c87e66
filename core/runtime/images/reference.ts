// Names of images: registry, repository, tag, digest. Source of the grammar: distribution/reference.
import { RuntimeError } from "../cri.ts";

export interface Reference {
  /** `docker.io` where the name says nothing; with its port. */
  registry: string;
  /** With `library/` for Docker Hub's own. */
  repository: string;
  /** Absent when a digest says which. */
  tag?: string;
  /** `sha256:…` */
  digest?: string;
}

const alphanumeric = "[a-z0-9]+";
const separator = "(?:[._]|__|-+)";
const part = `${alphanumeric}(?:${separator}${alphanumeric})*`;
const repositories = new RegExp(`^${part}(?:/${part})*$`);
const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const registries = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`);
const tags = /^\w[\w.-]{0,127}$/;
const digests = /^sha256:[0-9a-f]{64}$/;
/** Characters of a repository. */
const lengthLimit = 255;

/** @throws RuntimeError InvalidImageName. */
export function parseReference(name: string): Reference {
  const refuse = (why: string) =>
    new RuntimeError("InvalidImageName", `couldn't parse image name "${name.slice(0, 300)}": ${why}`);
  const [plain = "", digest, ...more] = name.split("@");
  if (more.length > 0 || (digest !== undefined && !digests.test(digest))) throw refuse("invalid digest format");
  const colon = plain.lastIndexOf(":");
  const tagged = colon > plain.lastIndexOf("/");
  const tag = tagged ? plain.slice(colon + 1) : undefined;
  if (tag !== undefined && !tags.test(tag)) throw refuse("invalid reference format: tag");
  const path = tagged ? plain.slice(0, colon) : plain;
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash));
  // A first part is a registry when no repository's part could look like it.
  const named = slash > 0 && (/[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  let registry = named ? first : "docker.io";
  let repository = named ? path.slice(slash + 1) : path;
  if (registry === "index.docker.io") registry = "docker.io";
  if (registry === "docker.io" && !repository.includes("/")) repository = `library/${repository}`;
  if (!registries.test(registry)) throw refuse("invalid reference format: registry");
  if (/[A-Z]/.test(repository)) throw refuse("invalid reference format: repository name must be lowercase");
  if (!repositories.test(repository)) throw refuse("invalid reference format");
  if (repository.length > lengthLimit) throw refuse(`repository name must not be more than ${lengthLimit} characters`);
  return {
    registry,
    repository,
    ...(tag !== undefined || digest === undefined ? { tag: tag ?? "latest" } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The name in full: two names with the same meaning give the same. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
