// Artifacts: where they are kept, how they get there and back, and how they are packed.
export { detect, openRegular, tarOf, untar, unzip, walkTree, zipOf } from "./archive/index.ts";
export {
  deleteArtifact,
  listArtifact,
  loadArtifact,
  type Packed,
  saveArtifact,
  saveSource,
  setMode,
} from "./artifact.ts";
export { contentDigest } from "./digest.ts";
export { sweepFileStore } from "./file-store.ts";
export { openStore } from "./open.ts";
export type { GitRun, RunGit, StoreResources } from "./resources.ts";
export { type ArtifactStore, type Entry, type Source, StoreError } from "./store.ts";
