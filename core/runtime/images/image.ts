/** What a container's root is made of: the node's own programs, or layers (upper-most first). */
export type ImageRoot = { kind: "host" } | { kind: "layers"; layers: string[] };

export interface Image {
  /** Stable: `sha256:…` of its content or of its definition. */
  id: string;
  names: string[];
  root: ImageRoot;
  entrypoint: string[];
  cmd: string[];
  env: Record<string, string>;
  workingDir: string;
  user: string;
  size: number;
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
