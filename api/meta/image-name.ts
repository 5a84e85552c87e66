// Names of images: registry, repository, tag, digest. Source of the grammar: distribution/reference.
export interface ImageName {
  /** `docker.io` where the name says nothing; with its port. */
  registry: string;
  /** With `library/` for Docker Hub's own. */
  repository: string;
  /** As written: absent means `latest`, unless a digest says which. */
  tag?: string;
  /** `sha256:…` */
  digest?: string;
}

/** Text that names no image. */
export class ImageNameError extends Error {
  constructor(name: string, why: string) {
    super(`couldn't parse image name "${name.slice(0, 300)}": ${why}`);
    this.name = "ImageNameError";
  }
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

/** @throws ImageNameError */
export function parseImageName(name: string): ImageName {
  const [plain = "", digest, ...more] = name.split("@");
  if (more.length > 0 || (digest !== undefined && !digests.test(digest))) {
    throw new ImageNameError(name, "invalid digest format");
  }
  const colon = plain.lastIndexOf(":");
  const tagged = colon > plain.lastIndexOf("/");
  const tag = tagged ? plain.slice(colon + 1) : undefined;
  if (tag !== undefined && !tags.test(tag)) throw new ImageNameError(name, "invalid reference format: tag");
  const path = tagged ? plain.slice(0, colon) : plain;
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash));
  // A first part is a registry when no repository's part could look like it.
  const named = slash > 0 && (/[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  let registry = named ? first : "docker.io";
  let repository = named ? path.slice(slash + 1) : path;
  if (registry === "index.docker.io") registry = "docker.io";
  if (registry === "docker.io" && !repository.includes("/")) repository = `library/${repository}`;
  if (!registries.test(registry)) throw new ImageNameError(name, "invalid reference format: registry");
  if (/[A-Z]/.test(repository)) {
    throw new ImageNameError(name, "invalid reference format: repository name must be lowercase");
  }
  if (!repositories.test(repository)) throw new ImageNameError(name, "invalid reference format");
  if (repository.length > lengthLimit) {
    throw new ImageNameError(name, `repository name must not be more than ${lengthLimit} characters`);
  }
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The name in full. */
export function formatImageName({ registry, repository, tag, digest }: ImageName): string {
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
