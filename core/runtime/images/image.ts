/** What a container's root is made of: the node's own programs, or layers (upper-most first). */
export type ImageRoot = { kind: "host" } | { kind: "layers"; layers: string[] };

/** What an image says of its containers, where the pod does not. */
export interface ImageSettings {
  entrypoint: string[];
  cmd: string[];
  env: Record<string, string>;
  workingDir: string;
  /** `user[:group]`, by name or number. */
  user: string;
  /** Absolute paths that stay writable in a container whose root is not. */
  volumes?: string[];
  /** Name or number, such as SIGQUIT; empty means SIGTERM. */
  stopSignal?: string;
}

export interface Image extends ImageSettings {
  /** Stable: `sha256:…` of its content or of its definition. */
  id: string;
  names: string[];
  root: ImageRoot;
  size: number;
  /** `repository@sha256:…` of the manifests that it was pulled by. */
  digests?: string[];
}

/** An image that Capstan brings itself: a program on the node's root, copy on write. */
export interface BuiltinImage {
  /** Without a tag; every tag of it means the same. */
  name: string;
  entrypoint?: string[];
  cmd?: string[];
  env?: Record<string, string>;
  workingDir?: string;
  user?: string;
}
