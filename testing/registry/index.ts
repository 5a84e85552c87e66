// Images that tests make, and registries that hold them.
export { type ArchiveEntry, tar } from "./archive.ts";
export { HostileRegistry } from "./hostile.ts";
export {
  digestOf,
  machine,
  makeImage,
  makeIndex,
  programLayer,
  type TestImage,
  type TestImageOptions,
  writeLayout,
} from "./image.ts";
export { account, basic, TestRegistry } from "./registry.ts";
export { TokenServer } from "./token-server.ts";
