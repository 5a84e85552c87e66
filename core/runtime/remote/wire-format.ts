// The methods of runtime.v1 and of containerd's own services, by their generated descriptors.
import { readFileSync } from "node:fs";
import { type Descriptor, type MethodCodec, readCodecs } from "../../wire/grpc/index.ts";
import type { Methods as ContainerdMethods } from "./generated/containerd.ts";
import type { Methods as RuntimeMethods } from "./generated/runtime-v1.ts";

/** Service and method → request and response. */
export interface Methods extends RuntimeMethods, ContainerdMethods {}

/** Of a method of the descriptors in `generated`. */
export type CodecOf = (method: keyof Methods) => MethodCodec;

export function openCodecs(): CodecOf {
  const read = (name: string) =>
    JSON.parse(readFileSync(new URL(`generated/${name}.json`, import.meta.url), "utf8")) as Descriptor;
  const codecs = readCodecs(read("runtime-v1"), read("containerd"));
  return (method) => codecs.get(method) as MethodCodec;
}
