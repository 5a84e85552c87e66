import { createHash } from "node:crypto";
import { RuntimeError } from "../cri.ts";

/** The 64 digits of `sha256:…`. @throws RuntimeError InvalidImage for anything else. */
export function hexOf(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (!hex) throw new RuntimeError("InvalidImage", `"${digest}" is not a sha256 digest`);
  return hex;
}

export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
