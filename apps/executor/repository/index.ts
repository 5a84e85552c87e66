// Where artifacts are kept.
export { type ArtifactDirectory, copyTree, createArtifactDirectory } from "./directory.ts";
