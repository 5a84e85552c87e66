import { createHash } from "node:crypto";
import type { BuiltinImage, Image, ImageRoot } from "./image.ts";

/** An entry of --image-map: where an image's files come from, and what replaces its own settings. */
export interface ImageMapping {
  /** Image name; `*` stands for any characters. */
  pattern: string;
  /** "host", or the absolute path of a directory or an OCI layout. */
  rootfs: string;
  entrypoint?: string[];
  cmd?: string[];
  env?: Record<string, string>;
}

const registries = /^(docker\.io\/library\/|docker\.io\/|index\.docker\.io\/library\/)/;

/** Drops the tag and the digest, and what Docker Hub's names may leave out. */
export function repositoryOf(name: string): string {
  const [plain = ""] = name.split("@");
  return plain.replace(/:[^/:]*$/, "").replace(registries, "");
}

/** The first mapping whose pattern is the whole name, with or without its tag. */
export function mappingOf(mappings: ImageMapping[], name: string): ImageMapping | undefined {
  const forms = [name, repositoryOf(name), name.replace(registries, "")];
  return mappings.find(({ pattern }) => {
    const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    const whole = new RegExp(`^${parts.join(".*")}$`);
    return forms.some((form) => whole.test(form));
  });
}

/** An image that consists of settings alone, on a root that is there already. */
export function settingsImage(name: string, root: ImageRoot, settings: Omit<BuiltinImage, "name">): Image {
  const { entrypoint = [], cmd = [], env = {}, workingDir = "", user = "" } = settings;
  const definition = { root, entrypoint, cmd, env, workingDir, user };
  const id = `sha256:${createHash("sha256")
    .update(JSON.stringify([repositoryOf(name), definition]))
    .digest("hex")}`;
  return { id, names: [name], size: 0, ...definition };
}
