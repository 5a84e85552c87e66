// An image's name as the runtime uses it: with the tag that it has when it says none.
import { formatImageName, type ImageName, ImageNameError, parseImageName } from "@capstan/api/meta";
import { RuntimeError } from "../cri.ts";

export type Reference = ImageName;

/** @throws RuntimeError InvalidImageName. */
export function parseReference(name: string): Reference {
  try {
    const parsed = parseImageName(name);
    return parsed.tag === undefined && parsed.digest === undefined ? { ...parsed, tag: "latest" } : parsed;
  } catch (error) {
    if (error instanceof ImageNameError) throw new RuntimeError("InvalidImageName", error.message);
    throw error;
  }
}

/** The name in full: two names with the same meaning give the same. */
export const formatReference: (reference: Reference) => string = formatImageName;
